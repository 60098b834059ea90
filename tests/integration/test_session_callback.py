# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callback plugin `nebula.credential.session` starts the run's session before its first task."""

from __future__ import annotations

import re

import pytest

from tests.integration.counted import ON, read

WITH = {**ON, "ANSIBLE_CALLBACKS_ENABLED": "recorder,nebula.credential.session"}
# A lookup would start the session by itself. What a task sees of its own process is what it has inherited.
LOADED = """
import gc, sys
OURS = "ansible_collections.nebula.credential.plugins."
class FilterModule:
    def filters(self):
        return {
            "loaded": lambda name: any(module.endswith(name) for module in sys.modules),
            "files": lambda _text: [name for name in sys.modules if name.startswith(OURS) and not hasattr(sys.modules[name], "__path__")],
            "frozen": lambda _text: gc.get_freeze_count() > 10000,  # Python 3.12 begins with some hundreds
        }
"""


@pytest.fixture
def runtime(base):
    """A directory for sessions."""
    return str(base)


MENTION = "# This file names nebula.credential."


def looking(project, runtime, *arguments, mention=MENTION, **environment):
    """A play that looks for a session in a directory of its own, and for what its worker has loaded, without any lookup of ours."""
    project.write("filter_plugins/loaded.py", LOADED)
    tasks = (
        mention
        + """
- {name: found, ansible.builtin.find: {paths: "%s", file_type: directory, patterns: 'nebula-*', hidden: true}}
- {name: loaded, ansible.builtin.debug: {msg: "{{ 'credential.plugins.lookup.get' | loaded }}"}}
- {name: files, ansible.builtin.debug: {msg: "{{ '' | files }}"}}
- {name: frozen, ansible.builtin.debug: {msg: "{{ '' | frozen }}"}}
"""
    )
    run = project.play(tasks % runtime, *arguments, XDG_RUNTIME_DIR=runtime, **environment).succeeded()
    return run, run.result("found")["matched"], (run.result("loaded")["msg"], run.result("frozen")["msg"])


def test_session_and_lookup_are_there_before_anybody_asks(project, runtime):
    run, sessions, loaded = looking(project, runtime, **WITH)
    assert (sessions, loaded) == (1, (True, True))
    assert not re.search(r"\[(WARNING|ERROR|DEPRECATION)", run.output)


def test_without_it_neither_is(project, runtime):
    _run, sessions, loaded = looking(project, runtime, **ON)
    assert (sessions, loaded) == (0, (False, False))


def test_in_a_run_that_does_not_use_the_collection_nothing_is_started_or_loaded(project, runtime):
    """Of the collection the controller has loaded two files: the callback, and the one that finds this out."""
    run, sessions, loaded = looking(project, runtime, mention="", **WITH)
    assert (sessions, loaded) == (0, (False, False))
    assert sorted(name.rpartition(".")[2] for name in run.result("files")["msg"]) == ["mentions", "session"]


USED = "note: see nebula.credential\n"


def test_it_is_started_before_the_first_task_if_a_variable_file_names_the_collection(project, runtime):
    project.write("group_vars/all.yml", USED)
    _run, sessions, loaded = looking(project, runtime, mention="", **WITH)
    assert (sessions, loaded) == (1, (True, True))


def test_it_is_started_before_the_next_task_if_a_role_that_is_included_names_the_collection(project, runtime):
    project.write("roles/one/defaults/main.yml", USED)
    project.write("roles/one/tasks/main.yml", "[]\n")
    _run, sessions, loaded = looking(project, runtime, mention="- ansible.builtin.include_role: {name: one}\n", **WITH)
    assert (sessions, loaded) == (1, (True, True))


@pytest.mark.parametrize("off", ["variable", "environment", "ansible.cfg", "nebula.yml"])
def test_a_session_that_is_switched_off_is_not_started(project, runtime, off):
    texts = {"ansible.cfg": "[nebula_credential]\nsession = false\n", "nebula.yml": "session: false\n"}
    project.write("ansible.cfg", texts["ansible.cfg"] if off == "ansible.cfg" else "[defaults]\n")
    if off == "nebula.yml":
        project.write("nebula.yml", texts[off])
    environment = {name: value for name, value in WITH.items() if not off.endswith(("cfg", "yml")) or name != "NEBULA_CREDENTIAL_SESSION"}
    if off == "environment":
        environment["NEBULA_CREDENTIAL_SESSION"] = "false"
    arguments = ("-e", "nebula_credential_session=false") if off == "variable" else ()
    run, sessions, _loaded = looking(project, runtime, "-vvv", *arguments, **environment)
    assert sessions == 0
    assert "nebula.credential.session: switched off" in run.output


def test_the_lookups_of_the_run_use_the_session_that_it_has_started(project, counted):
    project.play(read("a") + "\n" + read("a"), **WITH).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


def test_a_run_that_asks_for_nothing_logs_in_nowhere(project, counted):
    """The store that is the default is opened before the first task, which is no login."""
    project.play("- {name: done, ansible.builtin.debug: {msg: fine}}  " + MENTION, **WITH).succeeded()
    assert (counted.logins(), counted.reads()) == (0, {})


@pytest.mark.parametrize("broken", ["configuration", "program"])
def test_a_session_that_cannot_be_started_fails_no_play(project, collection_root, broken):
    """Who asks is told; who does not ask is not bothered."""
    environment = dict(WITH)
    if broken == "configuration":
        project.write("ansible.cfg", "[defaults]\n")
        project.write("nebula.yml", "session: {nonsense: true}\n")
    else:
        site = project.write("site/sitecustomize.py", "import sys\nsys.executable = '/dev/null'\n").parent
        environment.update(PYTHONPATH="{0}:{1}".format(site, collection_root))
    task = "- {name: done, ansible.builtin.debug: {msg: fine}}  " + MENTION
    run = project.play(task, "-vvv", **environment).succeeded()
    assert "nebula.credential.session: not started" in run.output
    assert "[WARNING]" not in run.output


def test_an_ad_hoc_command_has_it_too(project):
    project.write("ansible.cfg", "[defaults]\nbin_ansible_callbacks = true\n")
    run = project.run("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", "msg=nebula.credential", "-vvv", **WITH).succeeded()
    assert "nebula.credential.session: begun" in run.output
