# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Redis or Valkey, of which one node is used: its options, its address, a client of it, and its errors."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, MissingLibrary, Package, pip_install

LOGIN = ("username", "password")
SERVER: Spec = {
    "url": {"description": "`rediss://host:port/0`; `redis://` only to this machine. Required.", "type": "str"},
    "username": {"description": "The user.", "type": "str"},
    "password": {"description": "The password.", "type": "str", "no_log": True},
    "ca_cert": {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    "allow_insecure_transport": {"description": "Allow `redis://` to another machine.", "type": "bool", "default": False},
}
"""The server and the login. `LOGIN` can also be in files and variables."""
ALIASES: Mapping[str, str] = {"cacert": "ca_cert"}
"""Other names of the options."""
PACKAGE = Package("redis>=5.1", "redis")

PLAIN, TLS = "redis", "rediss"


class Address(NamedTuple):
    """The address of the server, and the login."""

    host: str
    port: int
    database: int
    tls: bool
    ca_cert: Optional[str]
    username: Optional[str]
    password: Optional[str]


def read_address(options: Mapping[str, Any], warn: Callable[[str], object]) -> Address:
    """Read `SERVER`, validated, and the login.

    Raises:
        InvalidConfiguration: an option is wrong. The message does not quote the URL, since it may hold a password.
        InsecurePermissions, StorageError: a file of the login cannot be used.
    """
    # Imported here: a store without such a server does not need it.
    from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback

    if not options.get("url"):
        raise InvalidConfiguration("it is missing", option="url", remedy="Write it as rediss://host:port/0.")
    try:
        url = urlsplit(options["url"])
        port, database = url.port or 6379, int(url.path.strip("/") or "0")
    except ValueError:
        raise _no_url() from None
    if url.scheme not in (PLAIN, TLS) or not url.hostname or url.query or url.fragment:
        raise _no_url()
    if "@" in url.netloc:
        raise InvalidConfiguration("it contains a login", option="url", remedy="Use the options 'username' and 'password'.")
    tls = url.scheme == TLS
    if not tls and not options["allow_insecure_transport"] and not is_loopback(url.hostname):
        what = "it does not use TLS, so others could read the password"
        raise InvalidConfiguration(what, option="url", remedy="Use rediss://, or 'allow_insecure_transport'.")
    authority = _find_authority(options["ca_cert"]) if tls and options.get("ca_cert") else None
    return Address(url.hostname, port, database, tls, authority, *_read_login(options, warn))


def _no_url() -> InvalidConfiguration:
    return InvalidConfiguration("it is no URL of a server", option="url", remedy="Write it as rediss://host:port/0.")


def _read_login(options: Mapping[str, Any], warn: Callable[[str], object]) -> List[Optional[str]]:
    check_login(options, LOGIN)
    found = [read_login(options, option, warn) for option in LOGIN]
    return [None if value is None else value.expose().decode("utf-8") for value in found]


def _find_authority(path: str) -> str:
    """Return the path of the CA certificates. Read the file here for its errors; `redis` reads it again for each connection."""
    from ansible_collections.nebula.credential.plugins.module_utils.network.urls import readable_path

    path = readable_path("ca_cert", path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        raise InvalidConfiguration("it holds no certificate", option="ca_cert", remedy="Name a PEM file.") from None
    return path


def open_client(address: Address, bound: float, needed_by: str) -> Any:
    """Return a client of the library `redis`, which has not connected yet, and repeats nothing.

    Args:
        address: the server.
        bound: the most seconds for connecting, and for each response.
        needed_by: the option that needs the library.

    Raises:
        MissingLibrary: it is not installed.
    """
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        what = "the Python package 'redis' is needed for '{0}'".format(needed_by)
        raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(PACKAGE))) from None
    transport: Dict[str, Any] = {}
    if address.tls:
        transport = {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True, "ssl_min_version": ssl.TLSVersion.TLSv1_2}
        transport["ssl_ca_certs"] = address.ca_cert
    return Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.username,
        password=address.password,
        socket_timeout=bound,
        socket_connect_timeout=bound,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **transport,
    )


@contextmanager
def closing_after(seconds: float, client: Any) -> Iterator[threading.Event]:
    """Close the connections of a client if the block takes longer. The event that is yielded is set then.

    The library bounds each receipt, so a server that sends a byte now and then, or without end, would hold it for ever.
    """
    is_over = threading.Event()

    def close() -> None:
        is_over.set()
        client.connection_pool.disconnect()

    bound = threading.Timer(seconds, close)
    bound.daemon = True
    bound.start()
    try:
        yield is_over
    finally:
        bound.cancel()
