# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections of `requests`, with the deadline of the operation as the time limit of each wait."""

from __future__ import annotations

import ssl
from typing import Any, Dict, Iterator, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import (
    CONNECTIONS,
    LARGEST,
    LARGEST_OF_SDK,
    keep_deadline,
    too_large,
)

try:
    from requests.adapters import HTTPAdapter
except ImportError:  # The client that makes requests raises MissingLibrary.
    HTTPAdapter = object  # type: ignore[assignment,misc]


class DeadlineAdapter(HTTPAdapter):
    """The connections of a `requests.Session`: bounded in time, TLS 1.2 or later, never retried automatically."""

    largest = LARGEST

    def __init__(self, context: ssl.SSLContext, server_name: Optional[str]) -> None:
        """Take the TLS settings, and the name in the server's certificate if it differs from the host."""
        self._tls: Dict[str, Any] = {"ssl_context": context}
        if server_name:
            self._tls["server_hostname"] = server_name
        super().__init__(pool_maxsize=CONNECTIONS, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **named: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **named, **self._tls)
        keep_deadline(self.poolmanager, largest=self.largest)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named, **self._tls)
        keep_deadline(manager, proxy, self.largest)
        return manager


class ContextAdapter(DeadlineAdapter):
    """As above, but only the TLS context decides what is trusted. `requests` would add the authorities of certifi to it."""

    largest = LARGEST_OF_SDK

    def send(self, request: Any, *settings: Any, **named: Any) -> Any:
        """Send a request. The content of its response is limited as it is decoded, too: little of it may stand for much."""
        response = super().send(request, *settings, **named)
        stream = response.raw.stream

        def read(*amount: Any, **how: Any) -> Iterator[bytes]:
            left = self.largest
            for chunk in stream(*amount, **how):
                left -= len(chunk)
                if left < 0:
                    raise too_large(self.largest)
                yield chunk

        response.raw.stream = read
        return response

    def cert_verify(self, *_settings: Any) -> None:
        """Leave the connection as the context configures it."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        """Return the attributes that `requests` 2.32 and later require, without TLS settings."""
        host, _tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}


def is_whole(response: Any) -> bool:
    """Return True if a response is complete (RFC 9112 section 6.3). urllib3 1 leaves this check to the caller.

    A connection that is cut within the headers looks like their end to the standard library.
    """
    length = response.headers.get("Content-Length", "")
    if response.request.method == "HEAD":
        return True  # It has no content, whatever its headers say. Many services leave out the length then.
    if length.isascii() and length.isdigit():
        return bool(response.raw.tell() >= int(length))
    return "Transfer-Encoding" in response.headers or response.status_code in (204, 304) or response.raw.version < 11
