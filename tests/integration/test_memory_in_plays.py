# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory backend in plays, where each task has a process of its own, with a session for them all or without."""

from __future__ import annotations

import pytest

KEPT = "{name: scratch, backend: memory, persist_on_shutdown: true, persist_path: ~/p}"
WRITE_AND_READ = """
- {name: written, nebula.credential.credential: {name: a, value: v4lue-of-a, store: "{{ kept }}"}}
- name: read
  ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a', store=kept) == 'v4lue-of-a'", quiet: true}
- {name: again, nebula.credential.credential: {name: a, value: v4lue-of-a, store: "{{ kept }}"}}
"""


def test_what_a_task_wrote_to_a_store_that_persists_the_next_one_finds(project):
    run = project.play(WRITE_AND_READ, variables="{kept: " + KEPT + "}").succeeded()
    assert run.result("written")["changed"]
    assert not run.result("again")["changed"]
    assert b"v4lue-of-a" not in (project.home / "p").read_bytes()
    assert "[WARNING]" not in run.output


ENDING = """
- {name: written, nebula.credential.credential: {name: "{{ item }}", store: "{{ scratch }}"}, loop: [a, b]}
- {name: more, nebula.credential.credential: {name: c, store: "{{ scratch }}"}}
- {name: found, ansible.builtin.set_fact: {found: "{{ lookup('nebula.credential.find', store=scratch) | map(attribute='name') | sort }}"}}
- {name: known, ansible.builtin.debug: {var: found}}
"""
SCRATCH = "{scratch: {backend: memory, name: scratch}}"


@pytest.mark.parametrize(("session", "ends", "found"), [("true", "the run", ["a", "b", "c"]), ("false", "the task's process", [])])
def test_a_store_that_does_not_ends_with_the_session_or_else_with_each_task(project, session, ends, found):
    """A play that writes to it is warned once. Another run has another store."""
    run = project.play(ENDING, variables=SCRATCH, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert run.result("known")["found"] == found
    assert run.output.count("is lost when {0} ends".format(ends)) == 1
    again = project.play("\n".join(ENDING.splitlines()[-2:]), variables=SCRATCH, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert again.result("known")["found"] == []
