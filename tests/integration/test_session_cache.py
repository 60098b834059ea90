# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `cache` in real runs (F1)."""

from __future__ import annotations

import pytest

from tests.integration.ansible_run import DIGEST, digest
from tests.integration.counted import ON, VALUE

READ = "- {name: read, ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'a')" + DIGEST + ' }}"}}\n'
TOLD = "- {name: told, nebula.credential.cache: {}}\n"


def test_what_is_kept_is_told_and_read_again_after_clearing(project, counted):
    clear = "- {name: cleared, nebula.credential.cache: {state: cleared, name: a}}\n"
    checked = clear.replace("cleared,", "checked, check_mode: true,", 1)
    run = project.play(READ + READ + checked + READ + clear + TOLD + READ + TOLD.replace("told", "at the end"), **ON).succeeded()
    assert counted.reads() == {"a": 2}
    assert [run.result(task)["changed"] for task in ("checked", "cleared", "told")] == [True, True, False]
    assert [run.result(task)["dropped"] for task in ("checked", "cleared", "told")] == [1, 1, 0]
    assert run.result("read")["msg"] == digest(VALUE + "a")
    told = run.result("at the end")["statistics"]
    assert (told["hits"], told["misses"], told["requests_saved"], told["hit_rate"], told["entries"]) == (2, 2, 2, 0.5, 1)


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["really", "check mode"])
def test_without_a_session_it_says_so_and_changes_nothing(project, arguments):
    tasks = "- {name: cleared, nebula.credential.cache: {state: cleared, all_stores: true}}"
    told = project.play(tasks, *arguments, NEBULA_CREDENTIAL_SESSION="false").succeeded().result("cleared")
    assert (told["session"], told["changed"], told["statistics"]) == (False, False, None)
    assert not list(project.directory.glob("store"))
    assert not (project.home / ".nebula").exists()


def test_every_store_of_the_run_is_cleared_at_once(project, counted):
    tasks = READ + "- {name: cleared, nebula.credential.cache: {state: cleared, all_stores: true, store: local}}\n" + READ
    run = project.play(tasks, **ON).succeeded()
    assert run.result("cleared")["dropped"] == 1
    assert counted.reads() == {"a": 2}


def test_a_name_without_a_state_is_refused(project):
    assert "state" in project.play("- {name: told, nebula.credential.cache: {name: a}}", **ON).failed()
