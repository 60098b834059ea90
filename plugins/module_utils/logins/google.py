# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that google-auth makes for a login, sent by our own client. For every store and type that logs in to Google."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

_METADATA = "/computeMetadata/"
"""The path of the metadata server of a virtual machine."""


class Response(NamedTuple):
    """A response in the form in which google-auth reads one."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Requests:
    """The requests that google-auth makes, by our client: with the deadline of the operation, and without repeats."""

    def __init__(self, tls: Tls) -> None:
        """Take the authority that signs the endpoints' certificates. Opens no connection."""
        # The metadata server of a virtual machine speaks plain HTTP, on the link of that machine.
        self._client = HttpClient(tls, allow_plain=True)

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Optional[Mapping[str, Any]] = None, **_named: Any
    ) -> Response:
        """Send a request.

        Raises:
            Unavailable, Timeout: there was no response, or the server is overloaded. google-auth would repeat it.
        """
        content = body.encode("utf-8") if isinstance(body, str) else body
        sent = {name: _read_header(value) for name, value in (headers or {}).items()}
        try:
            answer = self._client.request(method, url, headers=sent, body=content).check_available()
        except CredentialError as problem:
            problem.outcome_unknown = False  # A token that was made and not received does no harm.
            if urlsplit(url).path.startswith(_METADATA):
                problem.remedy = (
                    "No login is given, so the machine's own was looked for. Give 'credentials_file' or 'access_token', "
                    "or run: gcloud auth application-default login"
                )
            raise
        return Response(answer.status, answer.headers, answer.body)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _read_header(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
