# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of the API server as errors of the library (never the server's text)."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    LoginFailed,
    StorageError,
    StorageFull,
    TooLarge,
    Unavailable,
)

ROLE = "docs/policies/kubernetes-role.yaml"
LEASES, NAMESPACES, SECRETS = "leases", "namespaces", "secrets"
_ROLES = {SECRETS: ROLE, LEASES: "docs/policies/kubernetes-leases.yaml"}
"""A file with a Role for each resource that is written."""
_OBJECTS = {SECRETS: "Secret", LEASES: "Lease"}
REVIEW = "SelfSubjectAccessReview"
WRITING = ("create", "update", "delete")
_RULE = re.compile(
    r"(ValidatingAdmissionPolicy) '([a-z0-9.-]{1,253})' (?:with binding '[a-z0-9.-]{1,253}' )?denied request"
    r"|(admission webhook) \"([a-z0-9.-]{1,253})\" denied the request"
)
"""How the API server begins the text of a refusal by an admission rule (its own words; the rule's text follows)."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9.\[\]/_-]{0,99}\Z")


class Asked(NamedTuple):
    """A request as RBAC and errors name it.

    Attributes:
        verb, resource: of RBAC; the resource is in the plural.
        namespace: the namespace.
        server: the address of the server.
        name: the object, if there is one.
    """

    verb: str
    resource: str
    namespace: str
    server: str
    name: str = ""

    @property
    def writing(self) -> bool:
        """Whether it changes anything."""
        return self.verb in WRITING and self.resource in _OBJECTS


class Answer(NamedTuple):
    """A response: its status, its JSON object (`{}` without one), the seconds of its `Retry-After`."""

    status: int
    body: Mapping[str, Any]
    retry_after: Optional[float] = None

    @property
    def details(self) -> Mapping[str, Any]:
        """The details of a failure in a `Status` object, without its text."""
        found = self.body.get("details")
        return found if isinstance(found, dict) else {}

    @property
    def is_of_kubernetes(self) -> bool:
        """Whether an API server made this failure. Proxies, and servers of other kinds, make others."""
        return self.body.get("kind") == "Status" and self.status >= 300

    def has_cause(self, reason: str) -> bool:
        """Return True if the failure has a cause of that reason."""
        return any(isinstance(cause, dict) and cause.get("reason") == reason for cause in self.details.get("causes") or ())

    def says(self, words: str) -> bool:
        """Return True if the server's text contains these words. The text itself is never shown."""
        return words in str(self.body.get("message", ""))


THROTTLED = 429
"""The status of a server that limits the rate of requests."""


class _Meaning(NamedTuple):
    kind: Type[CredentialError]
    what: str
    remedy: str
    may_have_happened: bool = False


_AGAIN = "Retry; see the logs of kube-apiserver and etcd if it still fails."
_STATUSES: Mapping[int, _Meaning] = {
    413: _Meaning(TooLarge, "the request is too large for the API server", "Store less."),
    THROTTLED: _Meaning(Unavailable, "the API server limits the rate of requests", "Wait, or give this login a priority level of its own."),
    500: _Meaning(Unavailable, "the API server failed", _AGAIN, may_have_happened=True),
    502: _Meaning(Unavailable, "a server between here and the API server failed", _AGAIN, may_have_happened=True),
    503: _Meaning(Unavailable, "the API server is not ready", _AGAIN),
    504: _Meaning(Unavailable, "the API server did not complete the request in time", _AGAIN, may_have_happened=True),
}


_KINDS: Mapping[str, Tuple[str, ...]] = {"list": ("{0}List", "Table"), "delete": ("Status", "{0}")}
"""The kinds of responses, by the verb, where they are not the object's."""
_OTHERS: Mapping[str, str] = {"selfsubjectaccessreviews": REVIEW, NAMESPACES: "Namespace"}
_ALSO_OF_PROXIES = (401, 413, THROTTLED)
"""The statuses below 500 whose meaning is the same, whoever sent them."""


def is_success(asked: Asked, answer: Answer) -> bool:
    """Return True if the request succeeded: the response is the object that was requested, not only a good status."""
    kind, metadata = answer.body.get("kind"), answer.body.get("metadata")
    if not 200 <= answer.status < 300 or not isinstance(metadata, dict):
        return False
    if asked.resource in _OTHERS:
        return kind == _OTHERS[asked.resource]
    kinds = [each.format(_OBJECTS[asked.resource]) for each in _KINDS.get(asked.verb, ("{0}",))]
    return kind in kinds and (asked.verb != "get" or metadata.get("name") == asked.name)


def is_for_callers(asked: Asked, answer: Answer) -> bool:
    """Return True for a failure that callers handle: this object is missing or was changed, the list expired, no dry run."""
    if not answer.is_of_kubernetes:
        return False
    named = (answer.details.get("kind"), answer.details.get("name")) == (asked.resource, asked.name)
    if answer.status == 404:
        return asked.name != "" and asked.resource in _OBJECTS and named
    if answer.status == 400:
        return answer.says("does not support dry run")
    return (answer.status == 409 and asked.writing) or (answer.status == 410 and asked.verb == "list")


def is_refused_login(answer: Answer) -> bool:
    """Return True if the server does not accept the login, or takes it for none: nothing has happened."""
    return answer.status == 401 or (answer.status == 403 and answer.says('User "system:anonymous"'))


def failure(asked: Asked, answer: Answer) -> CredentialError:
    """Return the error for a response that is neither a success nor one that callers handle."""
    if is_refused_login(answer):
        return login_refused()
    if (answer.status < 300 or 400 <= answer.status < 500) and not answer.is_of_kubernetes and answer.status not in _ALSO_OF_PROXIES:
        return no_kubernetes(asked.server).annotate(outcome_unknown=asked.writing and answer.status < 300)
    rule = _find_rule(answer)
    if rule and 400 <= answer.status < 500:
        return _rule_refusal(rule, asked)
    if answer.status == 403:
        return _forbidden(asked, answer)
    if answer.status == 404 and answer.details.get("kind") == NAMESPACES:
        return _no_namespace(asked.namespace, "does not exist", "Create it: kubectl create namespace {0}.".format(asked.namespace))
    if answer.status == 422:
        return _invalid(answer)
    meaning = _STATUSES.get(answer.status)
    if meaning is None:
        return _unforeseen(asked, answer)
    error = meaning.kind(meaning.what, remedy=meaning.remedy)
    unknown = meaning.may_have_happened and asked.writing
    return error.annotate(retry_after=answer.retry_after, outcome_unknown=unknown, throttled=answer.status == THROTTLED)


def _unforeseen(asked: Asked, answer: Answer) -> CredentialError:
    if answer.status >= 500:
        unknown = Unavailable("the API server failed with status {0}".format(answer.status), remedy=_AGAIN)
        return unknown.annotate(retry_after=answer.retry_after, outcome_unknown=asked.writing)
    if 300 <= answer.status < 400:
        return StorageError(
            "the server sent the request to an address that is not followed", remedy="Name the API server's own address as the host."
        )
    if answer.status == 404:
        return no_kubernetes(asked.server)  # It has no such path.
    what = "the verb '{0}' on {1} was refused with status {2}".format(asked.verb, asked.resource, answer.status)
    return StorageError(what, remedy="The audit log of the API server says why.")


def _forbidden(asked: Asked, answer: Answer) -> CredentialError:
    """Return the error for a status of 403: a denial by RBAC, or another failure for which Kubernetes uses it."""
    if answer.has_cause("NamespaceTerminating"):
        return _no_namespace(asked.namespace, "is being deleted", "Wait until it is gone and create it again, or use another.")
    if answer.says(" cannot impersonate"):
        return AccessDenied(
            "this login may not impersonate the identity that the store names",
            remedy="Allow it the verb 'impersonate' on that service account or user, or remove 'service_account' or 'as'.",
        )
    if answer.says("exceeded quota"):
        return StorageFull("the quota of the namespace '{0}' is used up".format(asked.namespace), remedy="Raise its ResourceQuota.")
    if answer.status == 403 and not answer.says(" cannot "):
        return _rule_refusal("an admission rule", asked)
    return access_denied(asked)


def _rule_refusal(rule: str, asked: Asked) -> AccessDenied:
    return AccessDenied(
        "{0} of the cluster refuses to {1} {2} in the namespace '{3}'".format(rule, asked.verb, asked.resource, asked.namespace),
        remedy="The audit log of the cluster says why; contact its administrator.",
    )


def access_denied(asked: Asked) -> AccessDenied:
    """Return the error for a denial by RBAC. It names the verb, the resource, the namespace and a Role."""
    return AccessDenied(
        "this login may not '{0}' {1} in the namespace '{2}'".format(asked.verb, asked.resource, asked.namespace),
        remedy="Bind it to a Role with that verb: {0} in the collection has one; or run: "
        "kubectl --namespace {1} create role nebula-credential --verb={2} --resource={3}, and bind that.".format(
            _ROLES.get(asked.resource, ROLE), asked.namespace, asked.verb, asked.resource
        ),
    )


def login_refused() -> LoginFailed:
    """Return the error for a login that is not valid, or no longer."""
    return LoginFailed(
        "the API server does not accept the login", remedy="Renew the token or certificate of the kubeconfig, or 'api_key', and repeat."
    )


def _no_namespace(namespace: str, what: str, remedy: str) -> StorageError:
    return StorageError("the namespace '{0}' {1}".format(namespace, what), option="namespace", remedy=remedy)


def _invalid(answer: Answer) -> InvalidInput:
    """Return the error for an invalid Secret. It names only what looks like the path of a field: a cause's text may quote a value."""
    causes = answer.details.get("causes") or ()
    fields = [str(cause["field"]) for cause in causes if isinstance(cause, dict) and _FIELD.match(str(cause.get("field", "")))]
    if not fields:
        return InvalidInput(
            "Kubernetes does not accept this Secret, and names no field of it", remedy="The audit log of the cluster says why."
        )
    remedy = "Change those fields; see docs/integrations/backends/kubernetes.md."
    return InvalidInput("Kubernetes does not accept this Secret ({0})".format(", ".join(sorted(set(fields)))), remedy=remedy)


def _find_rule(answer: Answer) -> str:
    """Return the admission rule that refused the object, by its kind and name, from the fixed words of the server. Empty if none did."""
    found = _RULE.search(str(answer.body.get("message", "")))
    return "the {0} '{1}'".format(found[1] or found[3], found[2] or found[4]) if found else ""


def unreachable(server: str, reason: str) -> Unavailable:
    """Return the error for a connection that was not established: nothing has happened on the server."""
    return Unavailable(
        "the API server cannot be reached: {0} ({1})".format(reason, server), remedy="Check that it runs, and check its address."
    )


def cut(server: str, *, outcome_unknown: bool) -> Unavailable:
    """Return the error for a connection that ended before the response was complete."""
    error = Unavailable("the connection to the API server ended before the response was complete ({0})".format(server), remedy=_AGAIN)
    error.annotate(outcome_unknown=outcome_unknown)
    return error


def not_trusted(server: str) -> StorageError:
    """Return the error for an untrusted certificate of the server. It is permanent: a retry would change nothing."""
    return StorageError(
        "the API server's certificate cannot be verified ({0})".format(server),
        option="ca_cert",
        remedy="Name the CA that signed it in 'ca_cert' or in the kubeconfig, and the name it is made out to in 'tls_server_name' "
        "if that differs from the host.",
    )


def speaks_plain(server: str) -> StorageError:
    """Return the error for TLS with a port that does not speak it. It is permanent."""
    what = "the API server does not speak TLS at that port ({0})".format(server)
    return StorageError(what, option="host", remedy="Name the port with TLS there, or in the kubeconfig's 'server'.")


def no_tls(server: str) -> StorageError:
    """Return the error for a TLS connection that client and server cannot agree on."""
    return StorageError(
        "client and server cannot agree on TLS ({0})".format(server),
        option="client_cert",
        remedy="Check that the port supports TLS 1.2 or later.",
    )


def no_kubernetes(server: str) -> StorageError:
    """Return the error for a response that no API server makes."""
    return StorageError(
        "what responds at {0} is not a Kubernetes API server (a proxy's error page?)".format(server),
        remedy="Check 'host', or the kubeconfig's 'server', and its path.",
    )
