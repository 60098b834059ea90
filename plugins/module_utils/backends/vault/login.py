# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login of one connection: made once for all threads, kept alive, repeated, ended."""

from __future__ import annotations

import copy
import math
import threading
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import second_factor
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import token_renewal as token_life
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_methods import LOGINS
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import NONE, TOKEN, Auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.token_renewal import Token
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

FAREWELL = 1.0
"""The time limit for ending a login, in seconds: do not wait longer to revoke a token that ends by itself."""
_LOOKUP, _RENEWAL, _REVOCATION = "auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self"
OPEN_TO_ALL = "sys/internal/ui/mounts"
"""A path that every valid token may read, whatever its policies (lookup-self needs a policy)."""
_LIVED_LONGEST = "past the max TTL"
"""The server's error, with status 500, for a token that has reached its longest life."""
_NOT_ABOUT_THE_LOGIN = frozenset((412, 413, 429))


class Login:
    """Returns the token for requests. Threads may share it.

    Attributes:
        logins: the number of tokens so far.
    """

    def __init__(
        self, auth: Auth, transport: Callable[[], Any], server: str, *, revoke: bool, codes: Optional[second_factor.CodeReader] = None
    ) -> None:
        """Take the checked `auth`, a function that returns the `Transport`, the server as errors name it, whether to revoke our own
        tokens at the end, and where the code of a second factor comes from.
        """
        self._codes = codes
        self._auth = auth
        self._transport = transport
        self._server = server
        self._revoke = revoke
        self._lock = threading.Lock()
        self._token: Optional[Token] = None
        self.logins = 0
        self._ended = 0
        self._failure: Optional[CredentialError] = None

    def token(self) -> Token:
        """Return the token. Log in, renew or replace it first if that is due.

        Raises:
            LoginFailed: the server refuses the login.
            Unavailable, Timeout, StorageError: the server did not respond.
        """
        token = self._token
        if token is None:
            return self._replace(None)
        if token.is_due() and self._lock.acquire(blocking=False):
            # One thread renews it; the others continue with the token that is still valid.
            try:
                self._token = self._maintain(token) if self._token is token else self._token
            finally:
                self._lock.release()
        return self._token or token

    @property
    def is_ours(self) -> bool:
        """Whether the token came from a login of this connection, which ends it."""
        return self._token is not None and self._token.ours and self._revoke

    def due_in(self) -> Optional[float]:
        """Return the seconds until the token is due for renewal; None if there is no token, or none that ends."""
        token = self._token
        return None if token is None or token.due_at == math.inf else max(0.0, token.due_at - token_life.now())

    def again(self, spent: Token) -> Token:
        """Return a new token in place of one that the server no longer accepts.

        A configured token is read again: others renew the file that holds it.

        Raises:
            LoginFailed: a configured token is the same as before, or the server refuses a new login too.
        """
        if self._auth.method == NONE:
            remedy = "See the log of the agent at 'url', and what its own login may read."
            raise failures.login_refused("the agent adds no token that the server accepts" + self._describe(), remedy)
        token = self._replace(spent)
        if not spent.ours and token.secret == spent.secret:
            raise failures.login_refused("the token is wrong, expired or revoked" + self._describe())
        return token

    def close(self) -> None:
        """End the login, within a second. A configured token stays valid."""
        token, self._token = self._token, None
        if token is not None and token.ours and self._revoke:
            try:
                with deadline.within(FAREWELL, "close"):
                    self._ask("POST", _REVOCATION, token)
            except CredentialError:
                pass  # It ends by itself.

    def is_spent(self, token: Token, answer: failures.Answer) -> bool:
        """Return True if a denial (403) is about the token itself. If the server does not say so, send one more request to find out."""
        return answer.says(failures.INVALID_TOKEN) or self._ask("GET", OPEN_TO_ALL, token).status == 403

    def _replace(self, spent: Optional[Token]) -> Token:
        ended = self._ended
        with deadline.hold(self._lock):
            if self._ended != ended and self._failure is not None:
                # It failed while this thread waited: another attempt would only count as another wrong password.
                raise copy.copy(self._failure) from None
            if self._token is spent or self._token is None:
                self._token = self._new()
            return self._token

    def _new(self) -> Token:
        self._failure = None
        try:
            token = self._log_in()
        except CredentialError as problem:
            self._failure = problem
            raise
        finally:
            self._ended += 1
        self.logins += 1
        return token

    def _log_in(self) -> Token:
        if self._auth.method == NONE:
            return Token(Secret(""), ours=False)
        if self._auth.method == TOKEN:
            return token_life.token_from_options(self._check_token(self._auth.text("token") or ""))
        answer = self._transport().log_in(LOGINS[self._auth.method], self._auth)
        block = (answer.body or {}).get("auth")
        demanded = block.get("mfa_requirement") if isinstance(block, Mapping) else None
        if answer.status == 200 and demanded:
            answer = second_factor.prove(demanded, self._codes, self._server, self._send_code)
            block = (answer.body or {}).get("auth")
        if answer.status == 200 and isinstance(block, Mapping) and block.get("client_token"):
            return token_life.token_from_login(block)
        raise self._refusal_error(answer)

    def _send_code(self, path: str, body: Mapping[str, Any]) -> failures.Answer:
        answer: failures.Answer = self._transport().send(failures.Asked("POST", path, False, "update"), None, body, None)
        return answer

    def _refusal_error(self, answer: failures.Answer) -> CredentialError:
        asked = failures.Asked("POST", "auth/{0}/login".format(self._auth.mount), False, "update")
        if answer.status < 500 and not failures.is_answer_of_vault(answer, reading=False):
            return failures.no_vault(self._server)
        if answer.status == 200:
            return failures.login_refused("the server responded to the login without a token", "See the server's log.")
        if not 400 <= answer.status < 500 or answer.status in _NOT_ABOUT_THE_LOGIN:
            return failures.failure(asked, answer)
        return failures.login_refused(
            "the server refuses the login by '{0}' at {1}".format(self._auth.method, asked.path) + self._describe(),
            "Check that the values in 'auth' are correct and not expired, and that the method is enabled at 'mount'.",
        )

    def _check_token(self, text: str) -> Secret:
        """Return a token that a header can carry.

        Raises:
            LoginFailed: it holds other characters, or none.
        """
        if not text or not all(33 <= ord(character) < 127 for character in text):
            remedy = "A token has no spaces, line ends or letters beyond ASCII."
            raise failures.login_refused("the configured value is not a token" + self._describe(), remedy)
        return Secret(text)

    def _describe(self) -> str:
        """Return the end of an error of the login: the server, and where the values came from."""
        return " ({0})".format("; ".join(part for part in (self._server, self._auth.describe_origins()) if part))

    def _maintain(self, token: Token) -> Token:
        try:
            if not token.known:
                token = self._look_up(token)
            return self._prolong(token) if token.is_due() else token
        except CredentialError:
            return token.later()  # It is still valid. The request itself will report a problem.

    def _look_up(self, token: Token) -> Token:
        found = self._ask("GET", _LOOKUP, token)
        data = (found.body or {}).get("data")
        return token_life.token_from_lookup(token, data) if found.status == 200 and isinstance(data, Mapping) else token.without_renewal()

    def _prolong(self, token: Token) -> Token:
        """Return the token renewed; a new one if the renewal is refused or gains nothing."""
        if token.renewable:
            answer = self._ask("POST", _RENEWAL, token)
            block = (answer.body or {}).get("auth")
            if answer.status == 200 and isinstance(block, Mapping):
                token = token_life.token_from_renewal(token, block)
                if not token.is_due():
                    return token
            elif answer.status not in (400, 403) and not answer.says(_LIVED_LONGEST):
                return token.later()
        return self._new() if token.ours else token.without_renewal()

    def _ask(self, method: str, path: str, token: Token) -> failures.Answer:
        asked = failures.Asked(method, path, False, "update")
        answer: failures.Answer = self._transport().send(asked, token.secret, None if method == "GET" else {}, None)
        return answer
