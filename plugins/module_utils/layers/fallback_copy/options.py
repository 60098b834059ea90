# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `fallback_copy` of a store: where the copies are, how old one may be, and which key seals them."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput

OPTION = "fallback_copy"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "max_age": {"description": "How old a copy may be, for example `24h` or `7d`.", "type": "str", "required": True},
    # Not no_log, like the key sources of a store: the edge masks what is secret in it.
    "key_sources": {
        "description": "What opens the key of the copies; any one of them is enough. Each has to work while the backend is down.",
        "type": "list",
        "elements": "dict",
        "required": True,
        "no_log": False,
    },
    "path": {"description": "The directory of the copies.", "type": "path", "default": "~/.nebula/copies"},
}
"""As an argument spec."""
LEAST, MOST = 60, 31 * 86400
"""Seconds."""


def read_max_age(options: Mapping[str, Any]) -> float:
    """Return `max_age` in seconds.

    Raises:
        InvalidConfiguration: it is no duration, or out of range.
    """
    # Imported here: most stores have no copies.
    from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration

    option = OPTION + ".max_age"
    try:
        seconds = duration(options["max_age"], option).total_seconds()
    except InvalidInput as error:
        raise InvalidConfiguration(error.what, option=option, remedy=error.remedy) from None
    if not LEAST <= seconds <= MOST:
        raise InvalidConfiguration("the value is out of range", option=option, remedy="Use 1m to 31d.")
    return seconds
