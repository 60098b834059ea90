# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identify stores by all of their configuration."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE


class Fingerprints:
    """Fingerprints of stores. They are keyed, since a configuration may hold logins, and cover all of it: stores never share a login."""

    def __init__(self) -> None:
        """Generate a key for this process alone."""
        self._key = secrets.token_bytes(32)

    def of(self, name: str, config: Mapping[str, Any]) -> str:
        """Return the fingerprint of a store of this name and configuration."""
        return self._digest([name, config])

    def of_logins(self, config: Mapping[str, Any]) -> str:
        """Return a text that changes with what the variables and files hold now that a configuration names for its logins and keys."""
        return self._digest(list(_list_sources(config)))

    def _digest(self, content: Any) -> str:
        text = json.dumps(content, sort_keys=True, default=str)
        return hmac.new(self._key, text.encode("utf-8"), "sha256").hexdigest()


def _list_sources(config: Any) -> Iterator[Any]:
    if isinstance(config, Mapping):
        for option, value in sorted(config.items()):
            if isinstance(value, str) and option.endswith(FROM_VARIABLE):
                yield value, os.environ.get(value)
            elif isinstance(value, str) and option.endswith(FROM_FILE):
                yield value, describe_file(os.path.expanduser(value))
            else:
                yield from _list_sources(value)
    elif isinstance(config, (list, tuple)):
        for each in config:
            yield from _list_sources(each)


def describe_file(path: str) -> tuple[int, ...]:
    """Return what changes with a file or directory. Not its content: a digest of a configuration must not be in a name."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
