# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `command` on hosts that it names: one that is down is named, and gets the value in a later run."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.unit.rotation.targets.local_programs import FileService

INVENTORY = """
localhost ansible_connection=local
near ansible_connection=local
far {0}
[all:vars]
ansible_python_interpreter={1}
"""
DOWN = "ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh"
ROTATE = """
- nebula.credential.credential: {{name: door, type: basic, fields: {{username: app}}, value: old-word}}
  when: {0}
- nebula.credential.credential_rotate: {{name: door, phase: {1}, target: command, command: {2}}}
  register: rotated
- ansible.builtin.debug: {{var: rotated}}
"""


def test_a_host_that_is_down_is_named_and_gets_the_value_in_the_next_run(project: Any) -> None:
    service = FileService(project.directory)
    service.take(b"old-word")
    options = json.dumps({**service.dual(), "hosts": ["near", "fa*"]})
    project.write("hosts.ini", INVENTORY.format(DOWN, sys.executable))
    first = project.play(ROTATE.format("true", "auto", options), "-i", "hosts.ini").succeeded()
    assert read_behind(first) == ["far"]
    assert service.held()[0] == b"old-word"
    assert len(service.held()) == 2

    project.write("hosts.ini", INVENTORY.format("ansible_connection=local", sys.executable))
    second = project.play(ROTATE.format("false", "settle", options), "-i", "hosts.ini").succeeded()
    assert read_behind(second) == []


def read_behind(run: Any) -> Any:
    shown = run.output[run.output.index("rotated") :]
    return json.loads("[" + shown.partition('"behind": [')[2].partition("]")[0] + "]")
