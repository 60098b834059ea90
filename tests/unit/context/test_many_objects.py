# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""While a long list is built there is no full collection."""

from __future__ import annotations

import gc

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.many_objects import building_many


def full_collections():
    return gc.get_stats()[2]["collections"]


def test_a_growing_list_starts_no_full_collection():
    before = full_collections()
    with building_many():
        rows = [{"tags": {"number": [number]}} for number in range(100_000)]
    assert (len(rows), full_collections()) == (100_000, before)


def test_the_last_builder_goes_back_to_what_was_set():
    before = gc.get_threshold()
    with building_many():
        with pytest.raises(ValueError, match="failed"), building_many():
            raise ValueError("failed")
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before
