# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the first questions of a run cost its workers: one of them loads the collection, the others wait for the session."""

from __future__ import annotations

import fcntl
import os

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session import launcher as launching
from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import read_abandoned
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

LONG_WAY = "plugin_utils.lookup.get"


def went_the_long_way(answers):
    return [answer for answer in answers if any(name.endswith(LONG_WAY) for name in answer["loaded"])]


def test_while_a_session_starts_one_worker_loads_the_collection_and_the_others_wait(run_of):
    run_of().write("a", "v4lue")
    run = run_of()
    run.itself("begin_unwaited")
    answers = run.workers(20, "ask", "a")
    assert [answer["values"] for answer in answers] == [["v4lue"]] * 20
    assert len(went_the_long_way(answers)) == 1


def test_a_new_way_of_asking_is_explained_by_one_worker(run_of):
    run = run_of()
    run.write("a", "v4lue")
    for options in ({}, {"default": "x"}, {"stage": "current"}):
        answers = run.workers(20, "ask", "a", **options)
        assert [answer["values"] for answer in answers] == [["v4lue"]] * 20
        assert len(went_the_long_way(answers)) == 1


@pytest.mark.parametrize("default", ["none", 5, True])
def test_a_default_for_what_is_missing_costs_no_more_than_a_value(run_of, default):
    run = run_of()
    run.write("a", "v4lue")
    assert run.read("absent", default=default) == default
    answer = run.worker("ask", "absent", default=default)
    assert (answer["values"], went_the_long_way([answer])) == ([default], [])


@pytest.mark.parametrize(
    "options", [{"on_missing": "skip"}, {"default": None}, {"default": "x", "on_missing": "error"}, {"default": ["x"]}]
)
def test_what_needs_more_thought_is_answered_as_ever(run_of, options):
    run = run_of()
    run.write("a", "v4lue")
    first, second = (run.worker("ask", "absent", **options) for _each in range(2))
    assert (first["values"], first["error"]) == (second["values"], second["error"])
    assert went_the_long_way([second])


def test_who_cannot_explain_costs_the_others_no_answer(run_of):
    """A store that is not known: the session never hears of it."""
    run = run_of()
    run.write("a", "v4lue")
    answers = run.workers(5, "ask", "a", store="nowhere")
    assert all("there is no store 'nowhere'" in answer["error"] for answer in answers)


@pytest.fixture
def stuck(tmp_path, monkeypatch):
    """A place where somebody starts a session, and comes to no end."""
    where = Place(str(tmp_path / "s"))
    os.mkdir(where.directory, 0o700)
    monkeypatch.setattr(launching, "START_TIMEOUT", -1.9)
    with open(where.lock, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield where


def test_a_start_that_is_stuck_is_given_up_for_the_whole_run(stuck):
    """Else each worker would wait for it anew."""
    with pytest.raises(launching.NoSession, match="stuck"):
        launching.ensure_session(stuck, (os.getpid(), ""), {})
    assert "stuck" in read_abandoned(stuck.directory)


def test_who_only_begins_leaves_it_to_the_one_who_is_at_it(stuck):
    with pytest.raises(launching.NoSession):
        launching.start_session(stuck, (os.getpid(), ""), {})
    assert read_abandoned(stuck.directory) is None
