# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations between kinds of stores: each kind is a source once and a destination once; in the long profile all pairs.

A new backend takes part by its harness alone.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.conftest import PROFILE
from tests.integration.migrated import EVERY_PAIR, RING, fill, find_largest, migrate, open_kind, read_all

pytestmark = pytest.mark.server
PAIRS = EVERY_PAIR if PROFILE == "long" else RING


@pytest.mark.parametrize(("source", "destination"), PAIRS, ids=lambda kind: kind.label)
def test_all_credentials_of_one_store_move_to_another(source, destination, tmp_path):
    """A plan writes nothing, a copy is equal, a second one writes nothing, and a move leaves the source empty."""
    with ExitStack() as opened:
        here = open_kind(source, tmp_path / "here", "here")
        opened.callback(here.close)
        there = open_kind(destination, tmp_path / "there", "there")
        opened.callback(there.close)
        fill(here, find_largest(here, there))
        before = read_all(here)
        plan = migrate(here, there, check_mode=True)
        assert (plan.get("msg"), plan["counts"]["created"], read_all(there)) == (None, len(before), {})
        copied = migrate(here, there)
        assert (copied.get("msg"), copied["counts"]["created"]) == (None, len(before))
        arrived = read_all(there)
        lossy = {row["name"] for row in copied["results"] if "lost" in row}
        assert {name: arrived[name] for name in before if name not in lossy} == {name: before[name] for name in before if name not in lossy}
        assert {name: arrived[name][1][-1] for name in lossy} == {name: before[name][1][-1] for name in lossy}
        again = migrate(here, there)
        assert (again["changed"], again["counts"]["unchanged"]) == (False, len(before))
        moved = migrate(here, there, after="delete")
        assert (moved.get("msg"), moved["counts"]["deleted"]) == (None, len(before))
        assert (read_all(here), read_all(there)) == ({}, arrived)
