# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory backend in plays: each task has a process of its own."""

from __future__ import annotations

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


def test_a_play_that_writes_to_a_store_that_does_not_is_warned_once(project):
    run = project.play(
        """
- {name: written, nebula.credential.credential: {name: "{{ item }}", store: {backend: memory, name: scratch}}, loop: [a, b]}
- {name: more, nebula.credential.credential: {name: c, store: {backend: memory, name: scratch}}}
"""
    ).succeeded()
    assert run.output.count("ends with the task's process") == 1
