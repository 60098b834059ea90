# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's own metadata of a credential: free JSON, kept as text because a record's metadata holds no fractions."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, TooLarge

ATTRIBUTE = "metadata"
LONGEST = 65536
"""The longest JSON, in bytes. A backend may take less."""


def write_free_metadata(attributes: Mapping[str, Any], free: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a record's attributes with this free metadata in place of what they have; an empty mapping removes it.

    Raises:
        InvalidInput: it is no JSON.
        TooLarge: it is longer than `LONGEST`.
    """
    others = {name: value for name, value in attributes.items() if name != ATTRIBUTE}
    if not free:
        return others
    try:
        text = json.dumps(free, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        remedy = "Use text, numbers, booleans, null, lists, and mappings with text as keys."
        raise InvalidInput("it cannot be written as JSON", option="metadata", remedy=remedy) from None
    if len(text.encode("utf-8")) > LONGEST:
        raise TooLarge("the metadata is longer than {0} bytes as JSON".format(LONGEST), option="metadata", remedy="Store less.")
    return {**others, ATTRIBUTE: text}


def read_free_metadata(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the free metadata in a record's attributes; empty if there is none, or if another tool has changed it to something else."""
    try:
        found = json.loads(attributes.get(ATTRIBUTE) or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
