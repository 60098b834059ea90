# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pool of urllib3 connections to one server, directly or through a proxy, for clients that do not use `requests`."""

from __future__ import annotations

import ssl
from typing import Any, Dict, Optional
from urllib.parse import unquote, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import CONNECTIONS, LARGEST, keep_deadline

try:
    import urllib3
except ImportError:  # The caller that needs urllib3 raises the error that names it.
    pass


def build_pool(tls: ssl.SSLContext, server_name: Optional[str], proxy: Optional[str], largest: int = LARGEST) -> Any:
    """Return a urllib3.PoolManager whose connections keep the deadline of the operation.

    Args:
        tls: the trusted authorities and the client's own certificate.
        server_name: the name in the server's certificate if it differs from the host.
        proxy: the URL of a proxy, checked (`proxies.check_proxy`), with its login if it has one; None for no proxy.
        largest: bytes of a response at most.
    """
    # urllib3 1 ignores the context's own mode.
    named: Dict[str, Any] = {"maxsize": CONNECTIONS, "ssl_context": tls, "cert_reqs": tls.verify_mode}
    if server_name:
        named["server_hostname"] = server_name
    manager = urllib3.PoolManager(**named) if proxy is None else _build_proxied(proxy, named)
    keep_deadline(manager, proxy or "", largest)
    return manager


def _build_proxied(proxy: str, named: Dict[str, Any]) -> Any:
    parts = urlsplit(proxy)
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if parts.scheme.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy, username=user, password=password, **named)
    headers = None if user is None else urllib3.make_headers(proxy_basic_auth="{0}:{1}".format(user, password or ""))
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **named)
