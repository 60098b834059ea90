# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a request got no response, from the exceptions of urllib3 and requests, and how long to wait. Never their texts."""

from __future__ import annotations

import socket
import ssl
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import chain_contains, exception_chain
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import PROGRESS

try:
    from urllib3.exceptions import NewConnectionError
    from urllib3.exceptions import TimeoutError as UrllibTimeout
    from urllib3.util.ssl_match_hostname import CertificateError
except ImportError:  # The client that makes requests raises MissingLibrary.
    pass

NOT_TRUSTED = "the server's certificate cannot be verified"
LATE = "the deadline is over"
NO_TLS = "client and server cannot agree on TLS"
SPEAKS_PLAIN = "the server does not speak TLS at that port"
CUT = "the connection ended before the response was complete"
UNREACHABLE = "there is no connection"

_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
"""OpenSSL's reasons for a response that is no TLS at all: that of an HTTP server. It depends on its version."""
_LONGEST_WAIT = 3600.0


def reason_of(problem: BaseException) -> str:
    """Return which of the six reasons it was. Call it in the thread of the request."""
    causes = tuple(exception_chain(problem))
    if chain_contains(causes, ssl.SSLCertVerificationError, CertificateError):
        return NOT_TRUSTED
    # In urllib3 "no connection" is a subclass of the timeout.
    is_unreachable = chain_contains(causes, NewConnectionError)
    if (
        deadline.is_over()
        or chain_contains(causes, TimeoutError, socket.timeout)
        or (chain_contains(causes, UrllibTimeout) and not is_unreachable)
    ):
        return LATE
    ended = chain_contains(causes, ssl.SSLEOFError, ssl.SSLZeroReturnError)
    if chain_contains(causes, ssl.SSLError) and not ended:
        return SPEAKS_PLAIN if any(getattr(cause, "reason", None) in _NOT_TLS for cause in causes) else NO_TLS
    return CUT if PROGRESS.sent or ended else UNREACHABLE


def seconds_to_wait(header: Optional[str]) -> Optional[float]:
    """Return `Retry-After` (RFC 9110 section 10.2.3) in seconds, an hour at most; None for a date, or if there is none."""
    if header is None or not header.strip().isdigit():
        return None
    return min(float(header.strip()[:6]), _LONGEST_WAIT)
