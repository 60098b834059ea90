# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each wrong input of the table gives one short message that says what is wrong, where, and what to do."""

from __future__ import annotations

import json
import re

import pytest

from tests.integration.ansible_run import Project
from tests.integration.wrong_inputs import CONFIGURATIONS, STORED, TABLE
from tests.servers import once

LONGEST = 600
"""Characters of a message: a few lines on a terminal."""
RAW = ("Traceback", "unforeseen", "urllib3", "HTTPConnectionPool", "hvac.", "object has no attribute", "argument_spec_data")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The result of each task of the table, all of one run."""
    home = tmp_path_factory.mktemp("home")
    (home / "project").mkdir()
    project = Project(home / "project", home)
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", "default: prod\nstores:\n  prod: {backend: local, path: prod}\n")
    for name, text in CONFIGURATIONS.items():
        project.write(name, text)
    (project.directory / "open").mkdir()
    (project.directory / "open").chmod(0o777)
    server = once.openbao()
    given = {"vault_url": server.url, "vault_token": server.root_token}
    tasks = [{"nebula.credential.credential": {"credentials": STORED}, "no_log": True}]
    tasks += [{"nebula.credential.credential": {"name": "gone", "state": "revoked"}}, {"ansible.builtin.wait_for": {"timeout": 2}}]
    tasks += [{"name": wrong.name, "ignore_errors": True, **wrong.task} for wrong in TABLE]
    text = "\n".join("- " + json.dumps(task) for task in tasks)  # JSON is YAML
    run = project.play(text, "-e", json.dumps(given), HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"))
    assert run.returncode == 0, run.output
    return {entry["task"]: entry for entry in run.results}


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.name)
def test_a_wrong_input_gives_the_message_of_the_table(results, wrong):
    entry = results[wrong.name]
    assert entry["status"] == "failed", "it was accepted: {0}".format(entry["result"])
    message = str(entry["result"]["msg"])
    assert [part for part in wrong.says if part not in message] == [], message
    assert [part for part in RAW if part in message] == [], message
    assert len(message) <= LONGEST, message
    code = re.search(r"\[code: (\w+)\]", message)
    assert entry["result"].get("code", code and code.group(1)) == wrong.code, message


def test_the_table_has_sixty_rows_with_a_name_each():
    assert len({wrong.name for wrong in TABLE}) == len(TABLE) >= 60
