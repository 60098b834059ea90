# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done about the tables of a store."""

from __future__ import annotations

from typing import NamedTuple, Tuple


class EnsuredSchema(NamedTuple):
    """The version of a store's tables before and after they were seen to, and the SQL that led (or would lead) there."""

    before: int
    after: int
    statements: Tuple[str, ...] = ()
