# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK of 1Password Connect with the time limits, the trusted authorities and the proxies of this collection. Imports the SDK."""

from __future__ import annotations

import ssl
from typing import Any, Iterator, List, Mapping, Optional
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.items import Item
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import (
    Service,
    describe_refusal,
    describe_unreachable,
    read_json,
    read_mappings,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import LARGEST_OF_SDK, too_large
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxy_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context

try:
    from httpx import HTTPError, HTTPTransport, Request, Response, SyncByteStream, TimeoutException
    from onepasswordconnectsdk.client import Client as Sdk
    from onepasswordconnectsdk.config import ClientConfig
    from onepasswordconnectsdk.utils import PathBuilder
except ImportError:  # `connection` reports the missing package before anything here is used.
    HTTPTransport = SyncByteStream = object  # type: ignore[assignment,misc]


class _Bounded(SyncByteStream):  # type: ignore[misc,unused-ignore]  # object without the package
    """A response that is not read beyond a size."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = LARGEST_OF_SDK
        for part in self._stream:
            left -= len(part)
            if left < 0:
                raise too_large(LARGEST_OF_SDK)
            yield part

    def close(self) -> None:
        self._stream.close()


class _Transport(HTTPTransport):  # type: ignore[misc,unused-ignore]  # object without the package
    """Each request has the time that is left of the operation."""

    def handle_request(self, request: Request) -> Response:
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), deadline.remaining())
        response = super().handle_request(request)
        response.stream = _Bounded(response.stream)
        return response


class Client:
    """A login at a Connect server."""

    def __init__(self, service: Service, token: str, ca_file: Optional[str]) -> None:
        """Open nothing yet.

        Raises:
            InvalidConfiguration: `ca_cert` holds no certificate, or a variable names no proxy.
        """
        self._service = service
        context = build_context(Tls(ca_file=ca_file))
        transport = _Transport(verify=context, proxy=proxy_for(service.address), trust_env=False)
        self._sdk = Sdk(service.address, token, ClientConfig(transport=transport, trust_env=False, follow_redirects=False))

    def list_vaults(self) -> List[Mapping[str, Any]]:
        """Return the vaults that the token opens."""
        return read_mappings(self._service, self._get(PathBuilder().vaults()), "id", "name")

    def list_items(self, vault: str, wanted: Optional[str]) -> List[Item]:
        """Return the items of a vault, without values; with `wanted`, those that a filter of the service selects."""
        path = PathBuilder().vaults(quote(vault, safe="")).items()
        found = self._get(path if wanted is None else path.query("filter", quote(wanted)))
        return read_mappings(self._service, found, "id", "title")

    def read_item(self, vault: str, item: str) -> Item:
        """Return an item with its values.

        Raises:
            NotFound: there is none of this id.
        """
        found = self._get(PathBuilder().vaults(quote(vault, safe="")).items(quote(item, safe="")))
        return read_mappings(self._service, [found], "id", "title")[0]

    def _get(self, path: PathBuilder) -> Any:
        try:
            response = self._sdk.build_request("GET", path.build())
        except TimeoutException:
            raise deadline.timeout_error(server=self._service.address) from None
        except (HTTPError, ssl.SSLError, OSError) as problem:
            raise describe_unreachable(self._service, tuple(exception_chain(problem))) from None
        if response.status_code == 200:
            return read_json(self._service, response.content)
        if response.status_code == 404 and self._says_missing(response.content):
            raise NotFound("{0} has no such item".format(self._service.address))
        raise describe_refusal(self._service, response.status_code, response.headers.get("Retry-After"))

    def _says_missing(self, content: bytes) -> bool:
        """Return True for the 404 of a Connect server itself: other programs before it say it too."""
        try:
            return read_mappings(self._service, [read_json(self._service, content)], "message")[0].get("status") == 404
        except StorageError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._sdk.session.close()
