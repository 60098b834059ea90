# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session is warned of reaches somebody, once."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import CacheTerms
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_pool import StorePool


@pytest.fixture
def stores():
    held = StorePool(CacheTerms(), lambda _store, work: work())
    yield held
    held.close(lambda _store, work: work())


def test_whoever_asks_hears_what_is_warned_of_meanwhile(stores):
    with stores.hearing() as heard:
        stores._warn("now")
    assert heard == ["now"]
    with stores.hearing() as heard:
        pass
    assert heard == []


def test_what_is_warned_of_in_the_background_is_told_to_the_next_who_is_answered(stores):
    stores._warn("before")
    with pytest.raises(KeyboardInterrupt), stores.hearing():
        raise KeyboardInterrupt
    with stores.hearing() as heard:
        stores._warn("now")
    assert heard == ["before", "now"]


def test_only_the_first_operation_of_a_store_writes_its_entries_at_once(stores):
    manager = stores.manager("scratch", {"backend": "memory"})
    assert [stores.was_asked(manager), stores.was_asked(manager)] == [False, True]
