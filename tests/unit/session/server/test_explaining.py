# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way of asking that a session does not know is explained by one worker; the others wait for that, and not for ever."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import flights as explaining
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import AWAITED, UNKNOWN
from tests.unit.session.server.desks import Caller


@pytest.fixture
def clock(monkeypatch):
    """Seconds, as the test sets them."""
    now = [1000.0]
    monkeypatch.setattr(explaining.time, "monotonic", lambda: now[0])
    return now


def asked(asking, question="q", name="a"):
    return asking.desk.try_cached({"question": question, "names": [name], "host": "h"})


def test_the_first_explains_and_the_others_wait():
    asking = Caller()
    assert asked(asking) is UNKNOWN
    assert [asked(asking) for _each in range(3)] == [AWAITED] * 3
    assert asked(asking, "another") is UNKNOWN


def test_the_one_who_has_started_the_session_is_the_first():
    asking = Caller()
    asking.desk.await_explanation("q")
    assert asked(asking) is AWAITED


def test_once_explained_they_are_answered():
    asking = Caller()
    asking("credential", name="a", value="v4lue", state="present")
    asked(asking)
    asking.read("a", question="q")
    assert asked(asking)["result"]["value"] == "v4lue"


def test_an_error_explains_as_well_as_an_answer():
    asking = Caller()
    asked(asking)
    assert asking.desk.handle(asking.message("get", question="q", name="missing"))["error"]["code"] == "not_found"
    asking("credential", name="a", value="v4lue", state="present")
    assert asked(asking) not in (UNKNOWN, AWAITED)


def test_where_the_store_cannot_be_opened_everybody_explains_for_himself():
    asking = Caller({"backend": "nonsense"})
    asked(asking)
    asking("get", question="q", name="a")
    assert [asked(asking) for _each in range(3)] == [UNKNOWN] * 3


def test_who_never_comes_back_is_not_waited_for(clock):
    """It may have been killed, or have found that its configuration is wrong."""
    asking = Caller()
    asked(asking)
    clock[0] += explaining.RESOLVE_TIMEOUT
    assert [asked(asking) for _each in range(3)] == [UNKNOWN] * 3


def test_they_are_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr(explaining, "REMEMBERED", 10)
    found = explaining.PendingDigests()
    for number in range(100):
        found.claim(str(number))
    assert len(found._until) == 10
