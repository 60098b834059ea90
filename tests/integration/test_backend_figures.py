# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests on the page that compares the backends are those that the servers count now, of operations and of whole runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.discovery import HARNESSES
from tests.bench.figures import count_requests, list_kinds
from tests.bench.kept import read_figures, read_plays
from tests.bench.session import NAMES, PLAYS, list_tasks
from tests.bench.session_runs import playbook, run
from tests.conftest import PROFILE

pytestmark = pytest.mark.server
IN_PLAYS = [name for name, harness in HARNESSES.items() if harness.lookups]
PLAYED = IN_PLAYS if PROFILE == "long" else IN_PLAYS[-1:]
"""The session shares requests alike for every backend, so one shows in the fast profile that it does."""
COUNTED = [kind for kind in list_kinds() if kind.requests and (PROFILE == "long" or not kind.encrypted)]


@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.label)
def test_the_requests_of_the_page_are_those_of_now(kind, tmp_path):
    assert count_requests(kind, tmp_path) == read_figures()[kind.label]["requests"], "run python -m tests.bench.figures " + kind.label


@pytest.mark.parametrize("backend", PLAYED)
def test_the_logins_and_reads_of_our_lookups_in_plays_are_those_of_now(backend, tmp_path):
    """Of ten hosts and ten secrets: what a hundred tasks take, and what one lookup of all does."""
    with HARNESSES[backend].lookups(NAMES) as ways:
        ours = next(way for way in ways if not way.is_peer)
        ours = replace(ours, store={**(ours.store or {}), "read_timeout": 120.0})  # a repeated request would be counted
        for play in PLAYS[1:]:
            ours.start_over()
            run(tmp_path, playbook(list_tasks(play, ours)), play.hosts, play.forks, ours)
            counted = {"logins": ours.logins and ours.logins(), "reads": ours.reads and ours.reads()}
            assert counted == read_plays()[play.title][ours.label], "run make bench"
