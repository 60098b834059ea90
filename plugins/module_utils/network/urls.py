# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of addresses for every backend with a server: hosts that may be reached without TLS, and files that must be readable."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from typing import Callable, NamedTuple, Optional, Union
from urllib.parse import SplitResult, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file

_BROKEN_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_loopback(host: str) -> bool:
    """Return True if the host is this machine: `localhost`, 127.0.0.0/8 or ::1, in any spelling that a connection accepts."""
    if host.lower() in ("localhost", "localhost."):
        return True
    address = read_address(host)
    return address is not None and address.is_loopback


def read_address(host: str) -> Optional[Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    """Return the IP address that a host is, as the resolver of the system reads it; None if it is a name.

    `127.1`, `0x7f.1` and `2130706433` are 127.0.0.1 to it, and an IPv4 address within IPv6 (`::ffff:127.0.0.1`) is that address.
    """
    try:
        if ":" not in host:
            # The system ignores what follows a blank.
            return None if any(map(str.isspace, host)) else ipaddress.IPv4Address(socket.inet_aton(host))
        address = ipaddress.IPv6Address(host.split("%", 1)[0])
    except (OSError, ValueError):
        return None
    return address.ipv4_mapped or address


def split_url(text: str) -> Optional[SplitResult]:
    """Return the parts of a URL; None if it is not a URL, its port is invalid, or it holds characters that no URL does."""
    try:
        parts = urlsplit(text)
        return parts if parts.port != 0 and text.isprintable() and " " not in text else None
    except ValueError:
        return None


def is_encoded(parts: SplitResult) -> bool:
    """Return True if an address looks as its writer meant it. False if a mark in a login may have cut it at the wrong place.

    For addresses of servers, which have no '#'. `app:1#x@host` is the port 1 of the host `app` to a parser, and a login to its writer.
    """
    login, _at, _place = parts.netloc.rpartition("@")
    has_mark = "@" in login or parts.fragment or any("@" in part for part in (parts.path, parts.query))
    return not has_mark and _BROKEN_ENCODING.search(login) is None


class AddressProblem(NamedTuple):
    """What is wrong with an address, as the end of a sentence about it, and what to do."""

    what: str
    remedy: str


def find_address_problem(text: str, *, takes_query: bool = False) -> Optional[AddressProblem]:
    """Return why requests with secrets must not be sent to an address; None if they may: https, or http to this machine.

    With `takes_query`, it may have a query.
    """
    parts = split_url(text)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        return AddressProblem("is not the address of a service", "Write it as 'https://host/path'.")
    if parts.username is not None:
        return AddressProblem("holds a login", "Set the login in its own fields.")
    if (parts.query and not takes_query) or not is_encoded(parts):
        return AddressProblem("is not the address of a service", "Write it as 'https://host/path'.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return AddressProblem("is plain HTTP, which would show secrets to the network", "Use https.")
    return None


def host_and_port(parts: SplitResult) -> str:
    """Return the host and the port of an address, and nothing else: paths and queries may hold a secret (those of webhooks do)."""
    host = parts.hostname or ""
    return "{0}:{1}".format("[{0}]".format(host) if ":" in host else host, port_of(parts))


def port_of(parts: SplitResult) -> int:
    """Return the port of an address of http or https."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def readable_path(option: str, path: str, exists: Callable[[str], bool] = os.path.isfile, kind: str = "file") -> str:
    """Return the absolute path of a file or directory that an option names.

    Raises:
        InvalidConfiguration: there is no such file or directory, or it cannot be read.
    """
    path = os.path.abspath(expand_home(path, option))
    if not exists(path) or not os.access(path, os.R_OK):
        what = "there is no {0} that can be read at {1}".format(kind, path)
        raise InvalidConfiguration(what, option=option, remedy="Name one that is on the machine that runs this.")
    return path


def private_key_path(option: str, path: str) -> str:
    """Return the absolute path of a file that holds a private key.

    Raises:
        InvalidConfiguration: there is no such file, or it cannot be read.
        InsecurePermissions: others can read it.
    """
    path = readable_path(option, path)
    check_private_file(path, "the private key")
    return path
