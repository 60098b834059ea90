# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to a Kubernetes API server: every request to one uses `Connection` (A7)."""

from __future__ import annotations

import threading
from typing import Any, Callable, Mapping, Optional, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import (
    LEASES,
    NAMESPACES,
    REVIEW,
    SECRETS,
    Answer,
    Asked,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.server import check_options
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient

FIELD_MANAGER = "nebula-credential"
"""The manager that Kubernetes records for the fields that we write."""
_JSON = "application/json"
_METHODS = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT", "delete": "DELETE"}
_APIS = {SECRETS: "/api/v1", LEASES: "/apis/coordination.k8s.io/v1"}
"""Where the API server has each resource."""
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Connection:
    """Requests about the objects of one namespace. Threads may share it. Opens nothing until the first request."""

    def __init__(self, settings: Mapping[str, Any], *, store: str, warn: Callable[[str], object]) -> None:
        """Check the options (`options.SERVER`; others are ignored). Uses no network.

        Args:
            settings: the options' values.
            store: the user's name for the store, which errors show.
            warn: the function for warnings.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        check_options(settings)
        self._settings = settings
        self._store = store
        self._warn = lambda message: warn("store '{0}': {1}".format(store, message))
        self._checking = threading.Lock()
        self._client = ProcessClient(self._log_in)
        self._namespace_of: Any = None
        """The client whose namespace was checked."""

    @repeat_in_listings
    def request(
        self,
        verb: str,
        name: str = "",
        body: Optional[Mapping[str, Any]] = None,
        *,
        resource: str = SECRETS,
        query: Optional[Mapping[str, str]] = None,
        accept: str = _JSON,
    ) -> Answer:
        """Send one request about an object of the namespace, or about all of them.

        Args:
            verb: get, list, create, update or delete.
            name: the object's name; empty for list and create.
            body: the JSON to send.
            resource: what the object is, as RBAC names it.
            query: parameters.
            accept: the requested form of the response.

        Returns:
            The response: a status of 2xx; 404 for an object that does not exist; 409 for a write; 410 for a list.

        Raises:
            AccessDenied: the error names verb, resource, namespace and a Role.
            LoginFailed: the login is wrong, or has ended.
            Unavailable, Timeout: transient. `outcome_unknown` says whether a write may have happened.
            StorageError, InvalidInput, TooLarge: any other failure.
            InvalidConfiguration, MissingLibrary: there is no usable server or login.
        """
        parameters = dict(query or {}, **({"fieldManager": FIELD_MANAGER} if verb in ("create", "update") else {}))
        path = _APIS[resource] + "/namespaces/{0}/" + resource + ("/" + quote(name, safe="") if name else "")
        path += "?" + urlencode(parameters) if parameters else ""
        answer = self._exchange(verb, resource, name, path, body, accept)
        if (verb, resource, answer.status) == ("get", SECRETS, 404):
            self.check_namespace()
        return answer

    def check_namespace(self) -> None:
        """Check, once a login, that the namespace exists: in one that does not, every Secret is missing, and a list is empty.

        A login that may not read the namespace takes it as given.

        Raises:
            StorageError: it does not exist; the error names the option.
            Others as `request`.
        """
        client = self._client.get()
        if self._namespace_of is client:
            return
        with self._checking:
            if self._namespace_of is client:  # another thread has checked it meanwhile
                return
            try:
                self._exchange("get", NAMESPACES, self.namespace, "/api/v1/namespaces/{0}", None, _JSON)
            except AccessDenied:
                pass
            self._namespace_of = client

    def may(self, verb: str) -> bool:
        """Return True if this login may use a verb on the namespace's Secrets.

        Raises:
            As `request`.
        """
        attributes = {"namespace": self.namespace, "verb": verb, "resource": SECRETS}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": REVIEW, "spec": {"resourceAttributes": attributes}}
        answer = self._exchange("create", "selfsubjectaccessreviews", "", _REVIEWS, body, _JSON)
        return bool((answer.body.get("status") or {}).get("allowed"))

    def _exchange(self, verb: str, resource: str, name: str, path: str, body: Optional[Mapping[str, Any]], accept: str) -> Answer:
        """Send a request and check the response. A login that has ended is made again, and the request repeated once."""

        def send(client: Any) -> Tuple[Asked, Answer]:
            asked = Asked(verb, resource, client.namespace, client.server, name)
            return asked, client.send(_METHODS[verb], path.format(client.namespace), body, accept, writing=asked.writing)

        client = self._client.get()
        try:
            asked, answer = send(client)
            if client.renewable and failures.is_refused_login(answer):
                asked, answer = send(self._client.renew(client))
            return self._check_answer(asked, answer)
        except CredentialError as problem:
            raise problem.within(store=self._store) from None

    @property
    def location(self) -> str:
        """The server and the namespace: the same text for every login to it."""
        return "{0} {1}".format(self._client.get().server, self.namespace)

    @property
    def namespace(self) -> str:
        """The namespace of the Secrets."""
        return str(self._client.get().namespace)

    def _check_answer(self, asked: Asked, answer: Answer) -> Answer:
        if failures.is_success(asked, answer) or failures.is_for_callers(asked, answer):
            return answer
        error = failures.failure(asked, answer)
        if isinstance(error, LoginFailed):
            self.close()  # The next request reads the kubeconfig again, and runs its login program.
        raise error

    def prepare(self) -> None:
        """Load the libraries that requests need. Sends nothing and checks nothing: the first request does."""
        from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import client  # noqa: F401  # loaded is all it has to be

    def _log_in(self) -> Any:
        try:
            return _client(self._settings, self._warn)
        except CredentialError as problem:
            raise problem.within(store=self._store) from None

    def close(self) -> None:
        """Close the connections. May be called twice; another request opens new ones."""
        self._client.close()


def _client(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Any:
    """Return a new client. Imported here: the official client takes a tenth of a second, which an unused store should not cost."""
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.login import load

    access = load(settings, warn)
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.client import Client

    return Client(access)
