# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names from hell: each its own object, none outside the store, all back from `list` as they were."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import MAX_NAME

from .records import a_record, value_of
from .store_kind import LONG

PAIRS = [
    *("db_pass", "db-pass", "db.pass", "dbpass", "DB_PASS", "Db_pass", "db/pass", "db_/pass", "db/_pass", "db-/pass"),
    *("a", "A", "a/a", "aa", "a/A", "A/a", "0", "-", "_", "--", "__", "a.enc", "a.json", "a.enc/b", "con", "nul", "aux", "metadata.json"),
    *("nebula", "nebula/versions", "locks/store", "current", "pending", "x" * MAX_NAME, "X" * MAX_NAME),
    *("/".join("a" * (MAX_NAME // 2)), "tombstones/current/a"),
]
REFUSED = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".a",
    "a.",
    "a/.b",
    "a b",
    "a\n",
    "a\x00",
    "ü",
    "a#b",
    "a^b",
    "x" * 500,
]
SEGMENT = st.from_regex(r"[A-Za-z0-9_-]{1,6}(?:\.[A-Za-z0-9_-]{1,3})?", fullmatch=True)
LISTED = 1 if LONG else 12
"""After how many deletes all names are listed: on some backends that takes a request a name."""
NAMES = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)


def test_names_that_look_alike_stay_apart(backend):
    for name in PAIRS:
        backend.put(a_record(name, name), create=True)
    assert {name: value_of(backend.get(name)) for name in PAIRS} == {name: name.encode() for name in PAIRS}
    assert sorted(record.name for record in backend.list(Filter(names_only=True))) == sorted(PAIRS)
    for position, name in enumerate(PAIRS):
        backend.delete(name)
        if position % LISTED == 0:
            assert len(list(backend.list(Filter(names_only=True)))) == len(PAIRS) - position - 1


def test_what_is_no_name_is_refused_by_every_call(backend):
    calls = (backend.get, backend.delete, backend.versions, backend.last_serial, lambda bad: backend.put(a_record(bad)))
    for name in REFUSED:
        for call in calls:
            with pytest.raises(InvalidInput):
                call(name)
    assert list(backend.list()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=15 if LONG else 5, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_any_set_of_names_comes_back(backend, names):
    """Whatever the names, list returns exactly them and each has its own value."""
    for name in names:
        backend.put(a_record(name, name))
    assert {record.name for record in backend.list(Filter(names_only=True))} == set(names)
    assert all(value_of(backend.get(name)) == name.encode() for name in names)
    for name in names:
        backend.delete(name)
