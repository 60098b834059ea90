# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store that are paths, and those that are secret. A part of a mapping is written `option.part`.

A backend declares its own in `backends/<name>/options.py`, a key source in `crypto/key_sources/options.py`. The options of every store
are listed here: the library's specification of them imports every layer, which a worker does not need. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SHARED_CACHE = "shared_cache"
STORE_PATHS = ("audit_path", "metrics_path", SHARED_CACHE + ".ca_cert")
STORE_SECRETS = (SHARED_CACHE + ".password",)
KEY_SOURCES = ("key_sources", SHARED_CACHE + ".key_sources")
"""The options that list key sources."""


def read_part(config: Any, option: str) -> Any:
    """Return the value of an option, or of a part of one; None if it is not given."""
    for step in option.split("."):
        config = config.get(step) if isinstance(config, Mapping) else None
    return config


def change_part(config: Any, option: str, change: Callable[[Any], Any]) -> Any:
    """Return `config` with the value of an option, or of a part of one, changed. Return it as it is if it has no such option."""
    first, _dot, rest = option.partition(".")
    if not isinstance(config, Mapping) or first not in config:
        return config
    value = config[first]
    return {**config, first: change_part(value, rest, change) if rest else change(value)}
