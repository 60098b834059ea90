# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of addresses for every backend with a server: hosts that may be reached without TLS, and files that must be readable."""

from __future__ import annotations

import ipaddress
import os
from typing import Callable, Optional
from urllib.parse import SplitResult, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file


def is_loopback(host: str) -> bool:
    """Return True if the host is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_url(text: str) -> Optional[SplitResult]:
    """Return the parts of a URL; None if it is not a URL, its port is invalid, or it holds characters that no URL does."""
    try:
        parts = urlsplit(text)
        return parts if parts.port != 0 and text.isprintable() and " " not in text else None
    except ValueError:
        return None


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
