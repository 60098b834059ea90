# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and change an option of a store, or a part of one, written `option.part`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


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


def set_part(config: Mapping[str, Any], option: str, value: Any) -> Dict[str, Any]:
    """Return `config` with the value of an option, or of a part of one, set.

    Raises:
        InvalidConfiguration: the option that should have the part is not a mapping.
    """
    first, _dot, rest = option.partition(".")
    if not rest:
        return {**config, first: value}
    within = config.get(first)
    if within is not None and not isinstance(within, Mapping):
        raise InvalidConfiguration("it is not a mapping", option=first, remedy="Write '{0}: {{{1}: …}}'.".format(first, rest))
    return {**config, first: set_part(within or {}, rest, value)}
