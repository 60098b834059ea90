# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of a store's configuration that no argument spec declares: parts of a login, and of key sources. Loads no backend."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import change_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import KEY_SOURCES, SHARED_CACHE

Change = Callable[[str, Any], Any]
"""Takes the option that an error names, and its value; returns the new value."""
LISTS_OF_SOURCES = (KEY_SOURCES, "{0}.{1}".format(SHARED_CACHE, KEY_SOURCES))
"""The options that list key sources."""


def change_undeclared_paths(config: Mapping[str, Any], traits: Optional[BackendTraits], change: Change) -> Mapping[str, Any]:
    """Return the configuration with each such path changed. The store checks what is no path, or no list of sources."""
    for part in traits.parts_with_paths if traits else ():
        config = change_part(config, part, partial(change, part))
    for option in LISTS_OF_SOURCES:
        config = change_part(config, option, partial(_change_sources, partial(change, option)))
    return config


def _change_sources(change: Callable[[Any], Any], sources: Any) -> Any:
    return [_change_source(change, source) for source in sources] if isinstance(sources, (list, tuple)) else sources


def _change_source(change: Callable[[Any], Any], source: Any) -> Any:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import PATHS

    for part in PATHS:
        source = change_part(source, part, change)
    return source
