# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in the results of modules: some have a meaning for Ansible, which would take a task with such a part for another one."""

from __future__ import annotations

import ast
import pathlib

import pytest
import yaml

MODULES = sorted((pathlib.Path(__file__).parents[3] / "plugins" / "modules").glob("*.py"))
MEANT_BY_ANSIBLE = {"skipped", "skip_reason", "unreachable", "exception", "ansible_facts", "add_host", "add_group", "ansible_job_id"}


def read_names(module):
    for statement in ast.parse(module.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "RETURN":
            return set(yaml.safe_load(ast.literal_eval(statement.value)) or ())
    return set()


@pytest.mark.parametrize("module", MODULES, ids=[module.stem for module in MODULES])
def test_no_part_of_a_result_has_a_name_that_ansible_takes_for_something_else(module):
    """A list `skipped` with a row in it, for example, makes a task that ran a skipped one."""
    assert not read_names(module) & MEANT_BY_ANSIBLE
