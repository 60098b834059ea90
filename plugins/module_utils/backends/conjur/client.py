# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK of Conjur with the trusted authorities and the proxies of this collection. Imports the SDK, which is asynchronous.

Each request is an event loop of its own: the SDK opens a connection for each, too. The token of the login is kept between them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from typing import Any, Callable, Coroutine, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import (
    Service,
    describe_refusal,
    describe_unreachable,
    junk_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxy_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context

try:
    from aiohttp import ClientError
    from conjur_api.errors.errors import HttpError, HttpStatusError
    from conjur_api.http.api import Api
    from conjur_api.models import ConjurConnectionInfo, CredentialsData, SslVerificationMode
    from conjur_api.models.general.proxy_params import ProxyParams
    from conjur_api.providers import AuthnAuthenticationStrategy, SimpleCredentialsProvider
except ImportError:  # `connection` reports the missing package before anything here is used.
    Api = None


class Client:
    """A login at Conjur."""

    def __init__(self, service: Service, account: str, login: str, api_key: str, ca_file: Optional[str]) -> None:
        """Open nothing yet.

        Raises:
            InvalidConfiguration: `ca_cert` holds no certificate, or a variable names no proxy.
        """
        self._service, self._account = service, account
        build_context(Tls(ca_file=ca_file))  # the SDK reads the file at each request, and does not say what is wrong with it
        proxy = proxy_for(service.address)
        info = ConjurConnectionInfo(service.address, account, ca_file, None, ProxyParams(proxy) if proxy else None)
        keys = SimpleCredentialsProvider()
        keys.save(CredentialsData(machine=service.address, username=login, api_key=api_key))
        mode = SslVerificationMode.CA_BUNDLE if ca_file else SslVerificationMode.TRUST_STORE
        self._make_api: Callable[[], Any] = lambda: Api(info, AuthnAuthenticationStrategy(keys), mode)
        self._api = self._make_api()
        self._logging_in = threading.Lock()
        self._has_token = False

    def read_many(self, variables: List[str]) -> Mapping[str, bytes]:
        """Return the values of variables by id, by one request.

        One variable is read like this, too: its own address answers with the bare value, from which a page of a proxy does not differ.

        Raises:
            NotFound, AccessDenied: some are not there, have no value, or are denied.
            InvalidToken: a value is no text.
        """
        found = self._run(lambda: self._api.get_variables(*variables))
        if not all(isinstance(value, str) for value in found.values()) or not set(variables) <= set(found):
            raise junk_error(self._service)
        return {name: value.encode() for name, value in found.items()}

    def list_variables(self, limit: int, offset: int) -> List[str]:
        """Return the ids of a page of variables."""
        found = self._run(lambda: self._api.resources_list({"kind": "variable", "limit": limit, "offset": offset}))
        start = "{0}:variable:".format(self._account)
        if not all(isinstance(each, str) and each.startswith(start) for each in found):
            raise junk_error(self._service)
        return [each[len(start) :] for each in found]

    def _run(self, request: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with deadline.hold(self._logging_in):
            if not self._has_token:
                self._log_in()
        return self._complete(request())

    def _log_in(self) -> None:
        token = self._complete(self._api.api_token)
        if not _is_token(token):
            self._api = self._make_api()  # this one would keep it
            raise junk_error(self._service)
        self._has_token = True

    def _complete(self, request: Any) -> Any:
        """Complete a request. The SDK's errors hold what the server said, so none is chained."""
        try:
            return asyncio.run(asyncio.wait_for(request, deadline.remaining()))
        except asyncio.TimeoutError:
            raise deadline.timeout_error(server=self._service.address) from None
        except HttpStatusError as refusal:
            status, text = int(refusal.status), str(refusal.response)
            retry_after = (getattr(refusal.__cause__, "headers", None) or {}).get("Retry-After")
        except (HttpError, ClientError, ssl.SSLError, OSError) as problem:
            raise describe_unreachable(self._service, tuple(exception_chain(problem))) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # what the SDK makes of an answer of another shape
            raise junk_error(self._service) from None
        if status == 404 and _says_missing(text):
            raise NotFound("{0} has no such variable, or it has no value".format(self._service.address))
        if status == 406:
            raise InvalidToken("a value is no text in UTF-8", remedy="The SDK of Conjur reads texts alone: store it as base64.")
        raise describe_refusal(self._service, status, retry_after)

    def close(self) -> None:
        """Forget the login."""
        self._has_token = False


def _read_mapping(text: object) -> Mapping[str, Any]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_token(text: object) -> bool:
    return {"protected", "payload", "signature"} <= set(_read_mapping(text))


def _says_missing(text: str) -> bool:
    """Return True for the 404 of Conjur itself: other programs before it say it too."""
    problem = _read_mapping(text).get("error")
    return isinstance(problem, dict) and problem.get("code") == "not_found"
