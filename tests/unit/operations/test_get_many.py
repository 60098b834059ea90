# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading all credentials with a prefix or tags: one listing, one batch, and a limit."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from tests.unit.store.managing import CANARY, ask, create


@pytest.fixture
def stored(manager):
    for name, tags in (("shop/a", {"team": "x"}), ("shop/b", {"team": "y"}), ("mail/a", {"team": "x"})):
        create(manager, name, tags=tags)
    return manager


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"prefix": "shop/"}, ["shop/a", "shop/b"]),
        ({"tags": {"team": "x"}}, ["mail/a", "shop/a"]),
        ({"tags": ["team"], "prefix": "shop/b"}, ["shop/b"]),
        ({"prefix": "none/"}, []),
    ],
)
def test_those_that_match_are_read(stored, options, names):
    result = ask(stored, "get_many", **options).result
    assert (result["values"], result["failures"]) == (dict.fromkeys(names, CANARY), {})


def test_more_than_are_allowed_are_refused_and_none_is_read(stored, monkeypatch):
    reads = []
    monkeypatch.setattr(Memory, "get_many", lambda *_arguments: reads.append(1))
    monkeypatch.setattr(Memory, "get", lambda *_arguments: reads.append(1))
    with pytest.raises(InvalidInput) as caught:
        ask(stored, "get_many", prefix="", max_names=2)
    assert "more than 2 credentials match, so none was read" in str(caught.value)
    assert reads == []


def test_they_are_read_in_one_batch(stores, monkeypatch):
    batches, several = [], Database.get_many
    manager = stores.sqlite()
    create(manager, "shop/a")
    create(manager, "shop/b")

    def count(backend, names):
        batches.append(sorted(names))
        return several(backend, names)

    monkeypatch.setattr(Database, "get_many", count)
    ask(manager, "get_many", prefix="shop/")
    assert batches == [["shop/a", "shop/b"]]
