# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup `get_many`. Its documentation is in get_many.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.lookup.get import LookupModule as Get


class LookupModule(Get):
    """Read several credentials."""

    operation = "get_many"

    def find_names(self, terms: list[Any]) -> list[str] | None:
        """Return the names, also those in lists; None if the full lookup must read the terms."""
        names = [name for term in terms for name in (term if isinstance(term, list) else [term])]
        return names if names and all(isinstance(name, str) for name in names) else None

    def shape_result(self, result: Mapping[str, Any]) -> list[Any] | None:
        """Return one mapping of name to value if none failed, else None."""
        return None if result["failures"] else [result["values"]]

    def instead(self, code: str, given: Mapping[str, Any]) -> list[Any] | None:
        """Return None: the full lookup builds the mapping."""
        return None
