# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`fresh` reads past the cache, once, for the whole run; `fallback` costs one read of what is missing. Counted by the server's log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.ansible_run import digest
from tests.integration.counted import ON, VALUE

pytestmark = pytest.mark.server
SHOW = "- {{name: {0}, ansible.builtin.debug: {{msg: \"{{{{ {1} | to_json(sort_keys=true) | hash('sha256') }}}}\"}}}}\n"
CHANGE = """
- name: Somebody else rotates it
  ansible.builtin.uri: {{url: "{0}", method: POST, body_format: json, body: {1}, headers: {{X-Vault-Token: "{2}"}}}}
  no_log: true
"""


def shown(run: Any, task: str) -> Any:
    return run.result(task)["msg"]


def test_a_fresh_lookup_reads_what_is_stored_now_and_the_next_ones_return_it(project: Any, counted: Any) -> None:
    counted.is_default_of(project)
    body = json.dumps({"data": {"password": "rotated"}})
    server = counted.server
    change = CHANGE.format("{0}/v1/{1}".format(server.url, counted.store.path("a")), body, server.root_token)
    ask, fresh = "lookup('nebula.credential.get', 'a')", "lookup('nebula.credential.get', 'a', fresh=true)"
    tasks = SHOW.format("before", ask) + change + SHOW.format("cached", ask) + SHOW.format("fresh", fresh) + SHOW.format("after", ask)
    many = "lookup('nebula.credential.get_many', 'a', 'b', fresh=true)"
    run = project.play(tasks + SHOW.format("many", many), **ON).succeeded()
    old, new = digest(VALUE + "a"), digest("rotated")
    assert [shown(run, task) for task in ("before", "cached", "fresh", "after")] == [old, old, new, new]
    assert shown(run, "many") == digest({"a": "rotated", "b": VALUE + "b"})
    assert counted.reads() == {"a": 3, "b": 1}


def test_a_fallback_costs_one_read_of_what_is_missing_however_many_ask(project: Any, counted: Any) -> None:
    counted.is_default_of(project)
    ask = "lookup('nebula.credential.get', 'gone', fallback=['gone/too', 'b'])"
    run = project.play("".join(SHOW.format("t" + str(number), ask) for number in range(5)), **ON).succeeded()
    assert {shown(run, "t" + str(number)) for number in range(5)} == {digest(VALUE + "b")}
    assert counted.reads() == {"gone": 1, "gone/too": 1, "b": 1}
    assert "credential 'gone' is missing, so the value is that of its fallback 'b'" in " ".join(run.output.split())


EVALUATED = """
- name: arguments
  ansible.builtin.debug: {msg: "{{ 'arguments' | nebula.credential.refetch | length }}"}
  until: false
  retries: 2
  delay: 0
  ignore_errors: true
- name: that
  ansible.builtin.assert: {that: "'that' | nebula.credential.refetch == 'never'", quiet: true}
  until: false
  retries: 2
  delay: 0
  ignore_errors: true
- name: condition
  ansible.builtin.debug: {msg: tried}
  until: "'condition' | nebula.credential.refetch == 'never'"
  retries: 2
  delay: 0
  ignore_errors: true
- name: loop
  ansible.builtin.debug: {msg: "{{ 'loop' | nebula.credential.refetch | length }}"}
  loop: [1, 2, 3]
  loop_control: {break_when: item == 2}
- name: a lookup after it
  ansible.builtin.assert:
    that: lookup('nebula.credential.get', 'loop') == 'loop' | nebula.credential.refetch(field='password')
    quiet: true
"""


def test_refetch_reads_at_each_attempt_and_item_and_once_for_the_arguments_of_a_task_with_until(project: Any, counted: Any) -> None:
    counted.fill("arguments", "that", "condition", "loop")
    counted.is_default_of(project)
    project.play(EVALUATED, **ON).succeeded()
    assert counted.reads() == {"arguments": 1, "that": 3, "condition": 3, "loop": 3}


RESCUED = """
- name: Open the door
  block:
    - name: With what this run has read
      ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'rotated'", quiet: true}
  rescue:
    - name: With what is stored now
      ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a', fresh=true) == 'rotated'", quiet: true}
"""


def test_a_value_that_was_refused_is_read_again_by_a_rescue(project: Any, counted: Any) -> None:
    counted.is_default_of(project)
    body = json.dumps({"data": {"password": "rotated"}})
    change = CHANGE.format("{0}/v1/{1}".format(counted.server.url, counted.store.path("a")), body, counted.server.root_token)
    tasks = SHOW.format("before", "lookup('nebula.credential.get', 'a')") + change + RESCUED
    project.play(tasks, **ON).succeeded()
    assert counted.reads() == {"a": 2}
