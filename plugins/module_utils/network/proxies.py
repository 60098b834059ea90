# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy for a server, from the same environment variables as kubectl and curl.

HTTPS_PROXY for https, HTTP_PROXY for http, else ALL_PROXY; NO_PROXY lists hosts without a proxy. Lower-case names take precedence,
as with curl. This machine is always reached directly. Every client of a server finds its proxy here.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Dict, Optional, Tuple, Union
from urllib.parse import SplitResult, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import (
    host_and_port,
    is_encoded,
    is_loopback,
    read_address,
    split_url,
)

INSTALL = "Run: {0}".format(pip_install(Package("PySocks >= 1.5.8", "socks")))
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
CHECK_VARIABLES = "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."
_SCHEMES = ("http", "https", *_SOCKS)
_PORTS = {"https": 443, "http": 80}


def proxy_for(url: str) -> Optional[str]:
    """Return the URL of the proxy that a request goes through; None if it goes directly.

    Args:
        url: the address of the request.

    Raises:
        InvalidConfiguration: the environment's value is not the URL of a proxy.
        MissingLibrary: it is a SOCKS proxy, and the package for these is not installed.
    """
    parts = urlsplit(url)
    if not parts.hostname or is_loopback(parts.hostname) or _is_exempt(parts, _read("no_proxy")):
        return None
    proxy = _read(parts.scheme + "_proxy") or _read("all_proxy")
    if proxy is None:
        return None
    return check_proxy(proxy if "://" in proxy else "http://" + proxy, url, CHECK_VARIABLES)


def proxies_for(url: str) -> Dict[str, str]:
    """Return the proxy of a request as `requests` takes it. Raises as `proxy_for`."""
    proxy = proxy_for(url)
    return {} if proxy is None else {urlsplit(url).scheme: proxy}


def check_proxy(proxy: str, url: str, remedy: str) -> str:
    """Return the URL of a proxy if it can be used for requests to `url`. The error never quotes it: it may hold a login.

    Raises:
        InvalidConfiguration: it is not the URL of a proxy.
        MissingLibrary: it is a SOCKS proxy, and the package for these is not installed.
    """
    parts = split_url(proxy)
    host = host_and_port(urlsplit(url))
    if parts is None or not parts.hostname or parts.scheme not in _SCHEMES:
        raise InvalidConfiguration("the proxy for {0} cannot be used".format(host), remedy=remedy)
    if not is_encoded(parts):
        raise InvalidConfiguration("the login of the proxy for {0} is not percent-encoded".format(host), remedy=remedy)
    if parts.scheme in _SOCKS and not _has_socks():
        raise MissingLibrary(
            "the Python package PySocks is not installed, which the SOCKS proxy for {0} needs".format(host), remedy=INSTALL
        )
    return proxy


def _has_socks() -> bool:
    try:
        import socks  # noqa: F401  # urllib3 uses it
    except ImportError:
        return False
    return True


def _read(name: str) -> Optional[str]:
    """Return a variable in lower case, else in capitals. An empty one counts as not set, and hides the other."""
    value = os.environ.get(name)
    if value is None:
        # In a CGI script HTTP_PROXY is a header that the client sends ("httpoxy").
        value = os.environ.get(name.upper()) if name != "http_proxy" or "REQUEST_METHOD" not in os.environ else None
    return value.strip() or None if value else None


def _is_exempt(parts: SplitResult, exempt: Optional[str]) -> bool:
    entries = re.split(r"[,\s]+", (exempt or "").lower())
    return any(_matches(entry, parts) for entry in entries if entry)


def _matches(entry: str, parts: SplitResult) -> bool:
    """Match one entry: `*`, a network, an address, a domain and its subdomains, or (with a leading dot or `*.`) only its subdomains."""
    if entry == "*":
        return True
    entry, port = _split_port(entry)
    if port is not None and port != (parts.port or _PORTS.get(parts.scheme)):
        return False
    # A trailing dot ends a complete name, on either side, as with curl.
    host, entry = (parts.hostname or "").rstrip("."), entry.rstrip(".")
    address, network = read_address(host), _network(entry)
    if network is not None:
        return address is not None and address.version == network.version and address in network
    if entry.startswith(("*.", ".")):
        return host.endswith(entry.lstrip("*"))
    return host == entry or host.endswith("." + entry)


def _split_port(entry: str) -> Tuple[str, Optional[int]]:
    """Split `host:port` or `[address]:port`. The port is None if there is none. `[address]/mask` is a network."""
    if entry.startswith("["):
        host, _bracket, rest = entry[1:].partition("]")
        if rest.startswith("/"):
            return host + rest, None
        return host, int(rest[1:]) if rest[1:].isdigit() else None
    host, colon, port = entry.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() and ":" not in host else (entry, None)


def _network(entry: str) -> Optional[Union[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """Return a network in CIDR notation, or one address as a network."""
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
