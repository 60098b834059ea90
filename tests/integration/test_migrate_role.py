# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role `migrate` in whole plays: what it prints, and what it refuses."""

from __future__ import annotations

import json

import pytest

STORES = {name: {"backend": "local", "path": "{{{{ playbook_dir }}}}/{0}".format(name)} for name in ("here", "there")}
TASKS = """
- nebula.credential.credential:
    credentials:
      - {{name: app/one, value: canary-one}}
      - {{name: app/two, value: canary-two}}
- ansible.builtin.include_role: {{name: nebula.credential.migrate}}
  vars: {0}
"""


@pytest.fixture
def migrate(project):
    def run(variables, *arguments):
        stores = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": "here"})
        return project.play(TASKS.format(json.dumps(variables)), *arguments, variables=stores)

    return run


def lines_of(run):
    return [line.rstrip() for line in run.result("nebula.credential.migrate : Show what was done")["msg"]]


def test_a_move_is_summarized_without_a_value(migrate):
    run = migrate(
        {
            "migrate_to": "there",
            "migrate_prefix": "app/",
            "migrate_after": "delete",
            "migrate_transform": {"name": "credential.name | replace('app/', 'shop/')"},
        }
    ).succeeded()
    lines = lines_of(run)
    assert lines[0].split() == ["CREDENTIAL", "THERE", "RESULT"]
    assert lines[1].split(maxsplit=2) == ["app/one", "shop/one", "copied, deleted here"]
    assert lines[3:] == [
        "2 credentials: 2 written, 0 there already, 0 failed, 2 deleted",
        "From store 'here' of no configuration file to store 'there'",
    ]
    assert "canary-one" not in run.output


def test_a_second_run_changes_nothing_and_a_plan_says_would(migrate):
    first = migrate({"migrate_to": "there", "migrate_names": ["app/one"]}).succeeded()
    assert first.result("nebula.credential.migrate : Migrate the credentials")["changed"]
    again = migrate({"migrate_to": "there", "migrate_all": True}, "--check").succeeded()
    assert [line.split(maxsplit=2)[-1] for line in lines_of(again)[1:2]] == ["would be copied"]
    assert lines_of(again)[-2] == "2 credentials: 1 would be written, 1 there already, 0 failed, 0 would be deleted"


def test_a_failure_is_in_the_summary_and_ends_the_role(migrate):
    run = migrate({"migrate_to": "there", "migrate_names": ["app/one", "app/missing"], "migrate_after": "delete"})
    assert "1 of 2 failed: 'app/missing' (not_found)" in run.failed()
    assert "failed:" in lines_of(run)[1]
    assert lines_of(run)[-2] == "2 credentials: 1 written, 0 there already, 1 failed, 0 deleted"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"migrate_to": "there", "migrate_all": True, "migrate_prefixes": "app/"}, "the role has no variable 'migrate_prefixes'"),
        ({"migrate_to": "there"}, "it is not said which credentials are to be migrated"),
        ({"migrate_all": True}, "migrate_to"),
        ({"migrate_to": "there", "migrate_all": True, "migrate_after": "burn"}, "migrate_after"),
        ({"migrate_to": "nowhere", "migrate_all": True}, "option 'to': there is no store 'nowhere'"),
        ({"migrate_from": "", "migrate_to": "there", "migrate_all": True}, "option 'store': it is empty"),
        ({"migrate_to": "there", "migrate_prefix": "app/", "migrate_type": ""}, "option 'type': it is empty"),
        ({"migrate_to": "there", "migrate_all": True, "migrate_report": ""}, "option 'report': it is empty"),
        ({"migrate_to": "there", "migrate_tags": {}}, "option 'tags': it is empty"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(migrate, variables, message):
    run = migrate(variables)
    run.failed()
    assert message in run.output
