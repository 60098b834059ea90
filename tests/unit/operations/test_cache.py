# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation `cache`: what a session has kept is told and cleared (F1)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.client.direct_client import DirectClient
from tests.unit.session.server.desks import MEMORY, Caller
from tests.unit.store.managing import ask


@pytest.fixture
def asking():
    """A session that has read a twice and b once."""
    asking = Caller()
    asking.put("a", "b")
    for name in ("a", "a", "b"):
        asking.read(name)
    yield asking
    asking.desk.close()


def test_the_numbers_say_what_was_saved(asking):
    told = asking("cache")
    assert (told["changed"], told["session"], told["dropped"]) == (False, True, 0)
    assert told["statistics"].pop("oldest") >= 0
    assert told["statistics"] == {
        "stores": 1,
        "hits": 1,
        "misses": 2,
        "shared": 0,
        "batched": 0,
        "stale": 0,
        "hit_rate": 0.3333,
        "requests_saved": 1,
        "entries": 2,
        "bytes": 20,
        "shared_cache": None,
    }


def test_a_question_that_has_to_be_fetched_after_all_is_one_miss(asking):
    asking.read("a", question="q")
    asking("cache", state="cleared")
    before = asking("cache")["statistics"]["misses"]
    again = {"question": "q", "names": ["a"], "host": None}
    assert asking.desk.try_cached(again) is None
    assert asking.desk.handle(again)["result"]["value"] == "value of a"
    assert asking("cache")["statistics"]["misses"] == before + 1


def test_one_credential_is_dropped_or_all_of_them(asking):
    one = asking("cache", state="cleared", name="a")
    assert (one["changed"], one["dropped"], one["statistics"]["entries"]) == (True, 1, 1)
    rest = asking("cache", state="cleared")
    assert (rest["changed"], rest["dropped"], rest["statistics"]["entries"], rest["statistics"]["oldest"]) == (True, 1, 0, None)
    again = asking("cache", state="cleared")
    assert (again["changed"], again["dropped"]) == (False, 0)


@pytest.mark.parametrize(("name", "dropped"), [("a", 1), (None, 2), ("c", 0)])
def test_check_mode_tells_what_would_be_dropped(asking, name, dropped):
    told = asking("cache", check_mode=True, state="cleared", name=name)
    assert (told["changed"], told["dropped"], told["statistics"]["entries"]) == (dropped > 0, dropped, 2)


def test_another_store_is_left_alone_unless_all_are_meant(asking):
    other = {"backend": "memory", "audit": "off", "max_credentials": 5}
    told = asking("cache", config=other, state="cleared")
    assert (told["changed"], told["session"], told["statistics"]["stores"]) == (False, True, 0)
    assert asking("credential", config=other, name="c", value="x", state="present")["changed"]
    asking("get", config=other, name="c")
    assert asking("cache", config=other)["statistics"]["entries"] == 1
    told = asking("cache", state="cleared", all_stores=True)
    assert (told["dropped"], told["statistics"]["stores"]) == (3, 2)


def test_a_name_that_is_none_is_refused(asking):
    assert asking("cache", state="cleared", name="../a")["code"] == "invalid_input"


@pytest.mark.parametrize("store", [MEMORY, {"backend": "vault", "url": "nonsense"}], ids=["a store", "one that cannot be opened"])
def test_without_a_session_nothing_is_kept_and_no_store_is_opened(store):
    told = DirectClient().perform(StoreReference("team", store), "cache", {"state": "cleared"}, AccessContext()).result
    assert told == {"changed": False, "session": False, "dropped": 0, "dropped_shared": None, "statistics": None}


def test_a_store_that_a_module_has_opened_on_a_host_keeps_nothing():
    assert ask(open_store(MEMORY), "cache", state="cleared").result["session"] is False
