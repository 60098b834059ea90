# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of creating or migrating the tables of a store."""

from __future__ import annotations

from typing import NamedTuple, Tuple


class SchemaMigration(NamedTuple):
    """The version of a store's tables before and after the migration, and the SQL that it ran (or, in check mode, would run)."""

    before: int
    after: int
    statements: Tuple[str, ...] = ()
