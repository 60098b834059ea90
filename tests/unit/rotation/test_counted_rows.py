# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of faults and kills that held are counted by target, and a target without them is named."""

from __future__ import annotations

from tests.target_suite import rows

HELD = ["redis rotate lost 3", "redis go_back down 1", "redis kill 7", "redis-own-login rotate lost 3", "gone rotate lost 3"]


def test_each_target_has_its_own_rows_and_those_of_no_target_are_left_out() -> None:
    assert rows.count_rows(HELD, ["redis", "redis-own-login", "http"]) == {"redis": (2, 1), "redis-own-login": (1, 0), "http": (0, 0)}


def test_what_is_missing_is_named() -> None:
    counts = {"redis": (rows.WANTED - 1, 4), "http": (0, 0)}
    gaps = ["http: no fault was played", "http: no kill was played", "999 rows of faults, and 1000 are wanted"]
    assert rows.find_gaps(counts) == gaps
    assert rows.find_gaps({"redis": (rows.WANTED, 1)}) == []
