# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to one service of AWS: a botocore client that logs in as the options say, and repeats nothing.

Each request keeps the deadline of the operation, and uses the proxies and the TLS of every other client of ours.
"""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call, KeysEnded, build_unknown_region
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_settings import read_login_settings
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxy_for

LONGEST_LOOKUP = 1.5
"""Seconds that the address of a region which botocore does not know may take to resolve."""


class _Open(NamedTuple):
    """A client, the session that it belongs to, and when its keys are to be replaced (a UNIX time; None: by botocore itself)."""

    client: Any
    session: Any
    renew_at: Optional[float]


class AwsConnection:
    """A client of one service. Threads may share it."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        service: str,
        *,
        read_secret: Callable[[str], Optional[Secret]],
        warn: Callable[[str], object],
    ) -> None:
        """Check the options. Opens nothing.

        Args:
            settings: the options of `aws_options.SPEC`.
            service: the service as botocore names it: `secretsmanager`, `ssm`.
            read_secret: returns the value of an option of `aws_options.LOGIN` as it is now. It is called for each login.
            warn: the function for warnings.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self._login = read_login_settings(settings)
        self._service = service
        self._read_secret = read_secret
        self._warn = warn
        self._lock = threading.Lock()
        self._transport: Any = None
        self._open: Optional[_Open] = None

    @property
    def location(self) -> str:
        """Where the service is, as far as the options say: a text that is equal for all configurations of one place."""
        login = self._login
        return " ".join(str(part or "") for part in (self._service, login.region, login.endpoint_url, login.role_arn, login.profile))

    @property
    def address(self) -> Dict[str, str]:
        """The region and the service's own address, as results show them, if the options name them."""
        known = {"region": self._login.region, "endpoint_url": self._login.endpoint_url}
        return {name: value for name, value in known.items() if value}

    def prepare(self) -> None:
        """Load botocore, and read its configuration files. Sends nothing.

        Raises:
            MissingLibrary: botocore is not installed.
            InvalidConfiguration: the certificates cannot be read.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.logins import aws_session

        aws_session.check_library()
        with self._lock:
            if self._transport is None:
                self._transport = aws_session.Transport(self._login.ca_cert)

    @repeat_in_listings
    def call(self, method: str, action: str, resource: str = "", *, writing: bool = False, **parameters: Any) -> Dict[str, Any]:
        """Send one request, and return the response. If the keys have ended, log in again and send it once more.

        Args:
            method: the method of botocore's client, for example `get_secret_value`.
            action: what IAM calls it, without the service.
            resource: what it is about, for messages.
            writing: whether it changes something.
            parameters: those of the method.

        Raises:
            Refused: AWS refused it for a reason that only the caller can judge.
            CredentialError: any other failure, as its class says.
        """
        call = Call("{0}:{1}".format(self._service, action), resource, writing)
        opened = self._find_open()
        try:
            return self._send(opened, method, call, parameters)
        except KeysEnded:
            if not self._login.is_renewable:
                raise
        self._drop(opened)
        return self._send(self._find_open(), method, call, parameters)

    def _send(self, opened: _Open, method: str, call: Call, parameters: Mapping[str, Any]) -> Dict[str, Any]:
        from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import in_our_words

        with in_our_words(call):
            answer: Dict[str, Any] = getattr(opened.client, method)(**parameters)
            return answer

    def _find_open(self) -> _Open:
        """Return the client, with keys that last: a new one if there is none, or if the keys of its role end soon."""
        from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import now

        self.prepare()
        with self._lock:
            opened = self._open
            if opened is None or (opened.renew_at is not None and self._login.is_renewable and now() >= opened.renew_at):
                opened = self._open = self._log_in()
            return opened

    def _log_in(self) -> _Open:
        from ansible_collections.nebula.credential.plugins.module_utils.logins import aws_session

        login, renew_at = self._login, None
        session = aws_session.build_session(login, self._transport)
        aws_session.add_keys(session, login, self._read_secret)
        if self._open is None:
            self._check_region(aws_session.find_region(session, login), aws_session.find_known_regions(session, self._service))
        if login.role_arn:
            keys = aws_session.assume_role(session, login, self._read_secret)
            session, renew_at = aws_session.build_session(login, self._transport), keys.renew_at
            session.set_credentials(keys.access_key, keys.secret_key, keys.token)
        return _Open(aws_session.build_client(session, login, self._service), session, renew_at)

    def _check_region(self, region: Optional[str], known: frozenset[str]) -> None:
        """Warn about a region that botocore does not know, and check that its address exists.

        Raises:
            InvalidConfiguration: its address cannot be resolved.
        """
        if region is None or region in known or self._login.endpoint_url:
            return
        self._warn("The installed botocore does not know the region '{0}' for {1}.".format(region, self._service))
        url = "https://{0}.{1}.amazonaws.com".format(self._service, region)
        if proxy_for(url) is None and not _has_address(str(urlsplit(url).hostname)):
            raise build_unknown_region(region)

    def _drop(self, opened: _Open) -> None:
        with self._lock:
            if self._open is opened:
                self._open = None

    def close(self) -> None:
        """Close the connections. May be called twice."""
        with self._lock:
            transport, self._transport, self._open = self._transport, None, None
        if transport is not None:
            transport.close()


def _has_address(host: str) -> bool:
    """Return True if a name resolves within `LONGEST_LOOKUP`. The resolver of the system has no time limit of its own."""
    found = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, 443))
        except OSError:
            pass

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(min(LONGEST_LOOKUP, deadline.remaining()))
    return bool(found)
