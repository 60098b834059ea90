# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access token for requests: one login for all threads of a process, renewed before it ends.

The token is made here and not by gRPC's own plugin, which reports each refused login as a service that is unavailable.
"""

from __future__ import annotations

import copy
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.credentials import Identity, load_identity
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.logins.google import Requests
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

try:
    from google.auth.exceptions import GoogleAuthError
except ImportError:  # `connection` reports the missing package before anything here is used.
    pass

MARGIN = timedelta(seconds=225)
"""How long before its end a token is renewed: as google-auth does."""


class Login:
    """Returns the token for requests. Threads may share it, processes may not.

    Attributes:
        logins: how many tokens there were so far.
    """

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Take the store's options. Sends nothing."""
        self._settings = settings
        self._warn = warn
        self._requests = Requests(Tls(ca_file=settings.get("ca_cert")))
        self._lock = threading.Lock()
        self._identity: Optional[Identity] = None
        self._token = ""
        self._ends_at: Optional[datetime] = None
        self._ended = 0
        self._failure: Optional[CredentialError] = None
        self.logins = 0

    def read_token(self) -> str:
        """Return the token; log in first if there is none or it is about to end.

        Raises:
            LoginFailed: the login is refused.
            Unavailable, Timeout, StorageError: there was no response.
        """
        token, ends_at = self._token, self._ends_at
        return token if token and (ends_at is None or _now() < ends_at - MARGIN) else self.renew(token)

    def renew(self, spent: str) -> str:
        """Return a token in place of one that has ended, or that the service does not accept.

        Raises:
            LoginFailed: there is no other token.
        """
        ended = self._ended
        with deadline.hold(self._lock):
            if self._ended != ended and self._failure is not None:
                # It failed while this thread waited: it would fail again.
                raise copy.copy(self._failure) from None
            if self._token == spent:
                self._log_in(spent)
            return self._token

    def _log_in(self, spent: str) -> None:
        self._failure = None
        try:
            self._identity = load_identity(self._settings, self._warn)
            token, ends_at = self._make_token(self._identity)
            if token == spent:
                raise failures.build_login_error("the access token is wrong, or has ended")
            self._token, self._ends_at = token, ends_at
        except CredentialError as problem:
            self._failure = problem
            raise
        finally:
            self._ended += 1
        self.logins += 1

    def _make_token(self, identity: Identity) -> Any:
        credentials = identity.credentials
        if credentials is None:
            return identity.access_token, None
        try:
            credentials.refresh(self._requests)
        except GoogleAuthError:
            raise failures.build_login_error() from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise failures.build_login_error("the response to the login is not one of Google") from None
        ends_at = credentials.expiry
        return str(credentials.token or ""), None if ends_at is None else ends_at.replace(tzinfo=timezone.utc)

    def close(self) -> None:
        """Close the connections."""
        self._requests.close()


def _now() -> datetime:
    return datetime.now(timezone.utc)
