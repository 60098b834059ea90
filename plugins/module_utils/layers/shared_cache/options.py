# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `shared_cache` of a store: which Redis or Valkey, how to reach it, and which key seals what is kept there (F1)."""

from __future__ import annotations

import ssl
from typing import Any, Callable, List, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import add_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback, readable_path

OPTION = "shared_cache"
LOGIN = ("username", "password")
_OWN: Mapping[str, Mapping[str, Any]] = {
    "url": {"description": "`rediss://host:port/0`; `redis://` only to this machine. Required.", "type": "str"},
    "username": {"description": "The user.", "type": "str"},
    "password": {"description": "The password.", "type": "str", "no_log": True},
    "prefix": {"description": "Begins the names of all keys.", "type": "str", "default": "nebula"},
    "ttl": {"description": "Seconds for which a value is kept.", "type": "float", "default": 300.0},
    "ca_cert": {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    "allow_insecure_transport": {"description": "Allow `redis://` to another machine.", "type": "bool", "default": False},
    # Not no_log, like the key sources of a store: the edge masks what is secret in it.
    "key_sources": {
        "description": "What opens the key of the cache, for a store whose values the collection does not encrypt.",
        "type": "list",
        "elements": "dict",
        "no_log": False,
    },
}
OPTIONS = add_sources(_OWN, LOGIN)
"""As an argument spec. `ttl` is in seconds."""
ALIASES: Mapping[str, str] = {"cacert": "ca_cert"}
"""Other names of the options."""

PLAIN, TLS = "redis", "rediss"
_LEAST, _MOST = 1.0, 86400.0


class Address(NamedTuple):
    """The address of the server, and the login."""

    host: str
    port: int
    database: int
    tls: bool
    ca_cert: Optional[str]
    username: Optional[str]
    password: Optional[str]


def address_of(options: Mapping[str, Any], warn: Callable[[str], object]) -> Address:
    """Read `OPTIONS`, validated, and the login.

    Raises:
        InvalidConfiguration: an option is wrong. The message does not quote the URL, since it may hold a password.
        InsecurePermissions, StorageError: a file of the login cannot be used.
    """
    if not _LEAST <= options["ttl"] <= _MOST:
        raise _wrong("the value is out of range", "ttl", "Use {0:g} to {1:g}.".format(_LEAST, _MOST))
    if not options.get("url"):
        raise _wrong("it is missing", "url", "Write it as rediss://host:port/0.")
    try:
        url = urlsplit(options["url"])
        port, database = url.port or 6379, int(url.path.strip("/") or "0")
    except ValueError:
        raise _wrong("it is no URL of a server", "url", "Write it as rediss://host:port/0.") from None
    if url.scheme not in (PLAIN, TLS) or not url.hostname or url.query or url.fragment:
        raise _wrong("it is no URL of a server", "url", "Write it as rediss://host:port/0.")
    if "@" in url.netloc:
        raise _wrong("it contains a login", "url", "Use the options 'username' and 'password'.")
    tls = url.scheme == TLS
    if not tls and not options["allow_insecure_transport"] and not is_loopback(url.hostname):
        raise _wrong("it does not use TLS, so others could read the password", "url", "Use rediss://, or 'allow_insecure_transport'.")
    authority = _authority(options["ca_cert"]) if tls and options.get("ca_cert") else None
    return Address(url.hostname, port, database, tls, authority, *_read_login(options, warn))


def _read_login(options: Mapping[str, Any], warn: Callable[[str], object]) -> List[Optional[str]]:
    try:
        check_login(options, LOGIN)
        found = [read_login(options, option, warn) for option in LOGIN]
    except InvalidConfiguration as problem:
        raise _wrong(problem.what, str(problem.option), problem.remedy) from None
    return [None if value is None else value.expose().decode("utf-8") for value in found]


def _authority(path: str) -> str:
    """Return the path of the CA certificates. Read the file here for its errors; `redis` reads it again for each connection."""
    path = readable_path(OPTION + ".ca_cert", path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        raise _wrong("it holds no certificate", "ca_cert", "Name a PEM file.") from None
    return path


def _wrong(what: str, option: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration(what, option="{0}.{1}".format(OPTION, option), remedy=remedy)
