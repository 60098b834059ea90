# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of operations, for those who perform none themselves."""

from __future__ import annotations

READING = frozenset(("get", "get_many", "find", "credential_info", "store_info", "cache"))
"""The operations that change nothing in a store, so that one whose answer was lost may be repeated."""
