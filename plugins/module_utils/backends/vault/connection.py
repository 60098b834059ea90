# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to HashiCorp Vault or OpenBao: every request to one uses `Connection.request` (A4)."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Health, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import name_variable
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import auth_options as auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import server as address
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.login import OPEN_TO_ALL, Login
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import MFA_CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.second_factor import CodeReader
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.token_renewal import LOOK_AFTER, Token
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, InvalidInput

_HEALTH = "sys/health?standbyok=true&perfstandbyok=true"
"""A standby that forwards requests to the active server counts as healthy."""
MAINTENANCE_INTERVAL = 10.0
"""Seconds that `keep_alive` may take."""
_READING = ("GET", "LIST")
Refused = Callable[["Reply"], Optional[CredentialError]]


class Reply(NamedTuple):
    """A response: its status (2xx or 404) and its parsed JSON; `{}` if there is none."""

    status: int
    body: Mapping[str, Any]


class Connection:
    """Requests to one server under one login. Threads may share it. Opens nothing until the first request."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        store: str,
        warn: Callable[[str], object],
        variables: Mapping[str, str] = MappingProxyType({}),
        codes: Optional[CodeReader] = None,
    ) -> None:
        """Check the options. Uses no network.

        Args:
            settings: values of `options.CONNECTION`; others are ignored.
            store: the user's name for the store, which errors show.
            warn: the function for warnings.
            variables: the environment variable of each option whose value came from one, which errors of requests show.
            codes: where the code of a second factor comes from.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self._store = store
        self._variables = variables
        self._opening = threading.Lock()
        self._transport: Any = None
        try:
            self._address = address.address_of(
                settings, lambda message: warn("store '{0}': {1}".format(store, message) if store else message)
            )
            chosen = auth.auth_of(settings.get("auth"))
        except CredentialError as problem:
            raise problem.within(store=store) from None
        if codes is not None and chosen.method == auth.TOKEN:
            what = "the method 'token' of 'auth' makes no login, so it needs no second factor"
            raise InvalidConfiguration(what, option=MFA_CREDENTIAL, remedy="Leave it out.", store=store)
        self._login = Login(chosen, self._open_transport, self.place, revoke=settings.get("revoke_on_close") is not False, codes=codes)

    @repeat_in_listings
    def request(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        writing: bool = False,
        capability: str = "read",
        headers: Optional[Mapping[str, str]] = None,
        refused: Optional[Refused] = None,
    ) -> Reply:
        """Send one request, logged in.

        Args:
            method: GET, LIST, POST, PUT, PATCH (of the kind "merge patch") or DELETE.
            path: the part after `/v1/`, with its query if it has one.
            body: the JSON to send.
            writing: whether it changes anything. If so, its outcome is unknown when the connection is lost.
            capability: the capability that a policy must allow, for the error of a denial.
            headers: additional headers; none of them secret.
            refused: called first with a response of status 400; the error that it returns is raised.

        Returns:
            The response, with a status of 2xx or 404.

        Raises:
            InvalidConfiguration: the server has no such namespace.
            AccessDenied: a policy denies it; the message names the path and the capability.
            LoginFailed: the login is wrong, or has ended and cannot be repeated.
            Unavailable, Timeout: transient. `outcome_unknown` says whether a write may have happened.
            StorageError: any other failure, including a server whose certificate is not trusted.
            MissingLibrary: hvac is not installed.
        """
        asked = failures.Asked(method.upper(), _plain_path(path), writing, capability)
        try:
            answer = self._request(asked._replace(path=path), body, headers)
            return self._check_reply(asked, answer, refused)
        except CredentialError as problem:
            raise self._name_place(problem) from None

    def prepare(self) -> None:
        """Load the libraries that requests need. Sends nothing.

        Raises:
            MissingLibrary: hvac is not installed.
            InvalidConfiguration: a certificate cannot be read.
        """
        try:
            self._open_transport()
        except CredentialError as problem:
            raise self._name_place(problem) from None

    def health(self) -> Health:
        """Return whether the server is active and accepts this login. Raises no error of the neutral tree."""
        try:
            state = self._open_transport().read_health(_HEALTH)
            problem = failures.unwell(state, self._address.url)
            if problem is None:
                self.request("GET", OPEN_TO_ALL)
        except CredentialError as raised:
            problem = raised
        return Health() if problem is None else unhealthy(self._name_place(problem))

    def attend(self) -> int:
        """Renew or replace the token if that is due, so that its leases stay valid. Sends no request otherwise.

        Returns:
            The number of logins so far. Leases of one login end with its token, at the latest.

        Raises:
            As `request`.
        """
        try:
            self._login.token()
        except CredentialError as problem:
            raise self._name_place(problem) from None
        return self._login.logins

    def keep_alive(self) -> Optional[float]:
        """Renew or replace the token if that is due, for a connection without other requests.

        Returns:
            The seconds until the next call; None if there is no login, or one without an end.

        Raises:
            As `request`.
        """
        if self._login.due_in() is None:
            return None
        with deadline.within(MAINTENANCE_INTERVAL, "renewing the login"):
            self.attend()
        due = self._login.due_in()
        # A token that a request obtains meanwhile may have a shorter life.
        return None if due is None else min(due, LOOK_AFTER)

    @property
    def ends_its_login(self) -> bool:
        """Whether the token is one of this connection, which `close` revokes: with it the server ends all that was issued under it."""
        return self._login.is_ours

    @property
    def location(self) -> str:
        """The server and the namespace: the same text for every login to it."""
        return "{0} {1}".format(self._address.url, (self._address.namespace or "").strip("/"))

    @property
    def address(self) -> Dict[str, str]:
        """The server, and the namespace if there is one, for people."""
        namespace = (self._address.namespace or "").strip("/")
        return dict({"url": self._address.url}, **({"namespace": namespace} if namespace else {}))

    @property
    def place(self) -> str:
        """As `address`, in one line."""
        return ", namespace ".join(self.address.values())

    def close(self) -> None:
        """Revoke the token if it came from a login of this connection (`revoke_on_close`). Close the connections. May be called twice."""
        self._login.close()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _name_place(self, problem: CredentialError) -> CredentialError:
        """Return an error with the store, and the variable that its option's value comes from."""
        return name_variable(problem, self._variables).within(store=self._store)

    def _request(self, asked: failures.Asked, body: Optional[Mapping[str, Any]], headers: Optional[Mapping[str, str]]) -> failures.Answer:
        token = self._login.token()
        answer = self._send(asked, token, body, headers)
        if answer.status != 403 or not self._login.is_spent(token, answer):
            return answer
        token = self._login.again(token)
        answer = self._send(asked, token, body, headers)
        if answer.status == 403 and self._login.is_spent(token, answer):
            raise failures.login_refused("the server does not accept the token that it has just issued", "See the server's log.")
        return answer

    def _check_reply(self, asked: failures.Asked, answer: failures.Answer, refused: Optional[Refused]) -> Reply:
        if answer.too_deep and 200 <= answer.status < 300:
            raise failures.too_deep(asked)
        if answer.status < 500 and not failures.is_answer_of_vault(answer, reading=asked.method in _READING):
            raise failures.no_vault(self._address.url, writing=asked.writing)
        if self._lacks_namespace(asked, answer):
            raise failures.no_namespace(self._address.namespace)
        reply = Reply(answer.status, answer.body or {})
        if 200 <= answer.status < 300 or answer.status == 404:
            return reply
        problem = refused(reply) if refused is not None and answer.status == 400 else None
        raise problem or failures.failure(asked, answer)

    def _lacks_namespace(self, asked: failures.Asked, answer: failures.Answer) -> bool:
        """Return True if the namespace has no route for what every login may read, either: HashiCorp Vault has no other words for it."""
        if not self._address.namespace or answer.status != 404 or not answer.says(failures.NO_ROUTE):
            return False
        everyone = failures.Asked("GET", OPEN_TO_ALL, False, "read")
        return asked.path == OPEN_TO_ALL or self._request(everyone, None, None).status == 404

    def _send(self, asked: failures.Asked, token: Token, body: Any, headers: Any) -> failures.Answer:
        answer: failures.Answer = self._open_transport().send(asked, token.secret, body, headers)
        return answer

    def _open_transport(self) -> Any:
        """Return the transport, built at the first request because it needs hvac."""
        with self._opening:
            if self._transport is None:
                from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.transport import Transport

                self._transport = Transport(self._address)
            return self._transport


def _plain_path(path: str) -> str:
    """Return the path without its query. Refuse '.' and '..': the HTTP library would resolve them, out of a store's prefix."""
    plain = path.split("?", 1)[0]
    if not plain or any(segment in ("", ".", "..") for segment in plain.rstrip("/").split("/")) or not path.isprintable():
        raise InvalidInput("there is no such path on a server", remedy="Give 'mount' and 'prefix' as plain segments divided by '/'.")
    return plain
