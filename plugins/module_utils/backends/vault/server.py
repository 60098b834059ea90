# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a Vault or OpenBao server and its TLS settings, from a store's options."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Mapping, NamedTuple, NoReturn, Optional, Tuple, Union
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import (
    is_encoded,
    is_loopback,
    private_key_path,
    readable_path,
    split_url,
)

_FILES = ("ca_cert", "client_cert", "client_key")
_API_OR_PAGE = re.compile(r"/(v1|ui(/vault(/.*)?)?)/*\Z")
"""The end of the address of the API, which each request adds, or of a page in a browser."""
_PORTS = {"https": 443, "http": 80}


class Address(NamedTuple):
    """A server and how to verify it.

    Attributes:
        url: scheme, host, port and path, without a trailing slash.
        verify: whether to check the server's certificate; or the file or directory of its CAs.
        client: the client's certificate and its key (the same file if it holds both).
        insecure: plain HTTP to another machine is allowed.
    """

    url: str
    namespace: Optional[str]
    verify: Union[bool, str]
    client: Optional[Tuple[str, str]]
    server_name: Optional[str]
    insecure: bool

    def leads_to(self, location: str) -> bool:
        """Return True if a request may follow a standby's redirect there, with its token: never from TLS to plain HTTP."""
        here, there = urlsplit(self.url), urlsplit(location)
        if there.username is not None or not there.hostname:
            return False
        return there.scheme == "https" or (here.scheme == there.scheme == "http" and (self.insecure or is_loopback(there.hostname)))


def address_of(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Address:
    """Read the options of `options.CONNECTION`. Checks files, opens no connection.

    Raises:
        InvalidConfiguration: the error names the option, what is wrong and what is allowed.
    """
    insecure = bool(settings.get("allow_insecure_transport"))
    url = _url(settings.get("url"), insecure)
    return Address(url, settings.get("namespace"), _verify(settings, warn), _client(settings), settings.get("tls_server_name"), insecure)


def _wrong(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy)


def _url(text: Optional[str], insecure: bool) -> str:
    example = "Write it as 'https://vault.example.com:8200'."
    if not text:
        _wrong("url", "it is missing", example[:-1] + ", or set BAO_ADDR or VAULT_ADDR.")
    parts = split_url(text)
    if parts is not None and parts.username is not None:
        _wrong("url", "it holds a login", "Remove it; logins belong in 'auth'.")
    if parts is None or parts.scheme not in _PORTS or not parts.hostname or parts.query or not is_encoded(parts):
        _wrong("url", "it is not the address of a server", example)
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        _wrong("url", "plain HTTP would show the token to the network", "Use https, or also write 'allow_insecure_transport: true'.")
    surplus = _API_OR_PAGE.search(parts.path)
    if surplus:
        _wrong("url", "it ends with a path in the server", "Write it without '{0}'.".format(surplus.group()))
    return text.rstrip("/")


def _verify(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Union[bool, str]:
    ca_cert, ca_path = settings.get("ca_cert"), settings.get("ca_path")
    if settings.get("verify") is False:
        what = "'verify: false': the certificate of {0} is not checked, so others on the network can read every secret."
        warn(what.format(settings.get("url")))
        return False
    if ca_cert and ca_path:
        _wrong("ca_path", "'ca_cert' is given too", "Give one of them.")
    if ca_path:
        return readable_path("ca_path", ca_path, os.path.isdir, "directory")
    return readable_path("ca_cert", ca_cert) if ca_cert else True


def _client(settings: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    certificate, key = settings.get("client_cert"), settings.get("client_key")
    if not certificate:
        if key:
            _wrong("client_key", "it is given without 'client_cert'", "Give both.")
        return None
    if not key:  # the file holds the key, too
        return (private_key_path("client_cert", certificate),) * 2
    return readable_path("client_cert", certificate), private_key_path("client_key", key)
