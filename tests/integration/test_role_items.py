# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of the roles `rotate` and `provision`: every option of the module works in an item, and no key is ignored."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from tests.conftest import CHECKOUT

ROTATED = [
    {"name": "a", "target": "none", "store": {"backend": "local", "path": "OTHER"}},
    {"name": "b", "target": "none", "scope": {"user": "eve"}},
    {"name": "c", "target": "none", "phase": "status"},
    {"name": "d", "target": "none", "grce": "1h"},
    {"name": "e", "target": "oracle"},
    {"name": "f"},
    {"target": "none"},
    {"name": "g", "target": "postgresql", "postgresql": {"hosst": "db", "admin_user": "x", "admin_password": "y"}},
    {"name": "h", "target": "command", "command": "a.yml"},
    {"name": "i", "target": "command", "command": {"apply": "a.yml", "verify": "b.yml"}, "phase": "status"},
    {"target": "command", "command": {"apply": "a.yml", "verify": "b.yml"}},
    {"name": "k", "target": "none", "phase": "commit", "grace": "1h", "only_if_due": True},
    {"name": "l", "target": "none", "grace": "1h"},
    *({"name": name, "target": "none", "grce": "1h"} for name in ("m", "n" * 40, "o")),
]
CREATE = """
- nebula.credential.credential: {credentials: [{name: a, type: basic}], store: {backend: local, path: OTHER}}
- nebula.credential.credential:
    credentials:
      - {name: a, type: basic}
      - {name: b, type: basic, scope: {user: eve}}
      - {name: c}
      - {name: d}
      - {name: e}
      - {name: f}
      - {name: g}
      - {name: h}
      - {name: i}
      - {name: k}
      - {name: l}
"""


def placed(project: Any, value: Any) -> Any:
    return json.loads(json.dumps(value).replace("OTHER", str(project.directory / "other")))


def versions(project: Any) -> dict[str, str]:
    """The version of each credential of the default store, by the serials that its files hold."""
    tasks = "- {name: known, nebula.credential.credential_info: {scope: {user: eve}}}"
    found = project.play(tasks).succeeded().result("known")["credentials"]
    return {row["name"]: row["version"] for row in found}


@pytest.fixture
def rotated(project: Any) -> tuple[dict[str, str], Any]:
    project.play(CREATE.replace("OTHER", str(project.directory / "other"))).succeeded()
    path = project.write("rotate.json", json.dumps({"rotate_credentials": placed(project, ROTATED)}))
    run = project.run("ansible-playbook", "nebula.credential.rotate", "-e", "@" + str(path))
    lines = run.result("nebula.credential.rotate : Show what was done")["msg"][1:]
    return {str(item.get("name", number)): line for number, (item, line) in enumerate(zip(ROTATED, lines))}, run


def test_every_option_of_an_item_counts_and_a_key_that_is_none_is_refused_by_name(project: Any, rotated: Any) -> None:
    lines, run = rotated
    assert run.returncode != 0
    expected = {
        "a": "promoted",
        "b": "promoted",
        "c": "nothing is open",
        "d": "there is no option 'grce'. Did you mean 'grace'?",
        "e": "there is no target 'oracle'",
        "f": "write 'target: none' if no service takes it",
        "6": "name",
        "g": "Did you mean 'postgresql.host' in place of 'postgresql.hosst'?",
        "h": "command",
        "i": "nothing is open",
        "10": "option 'name'",
        "k": "phase 'commit' does not use it",
        "l": "promoted",
        **dict.fromkeys(("m", "n" * 40, "o"), "there is no option 'grce'"),
    }
    assert set(lines) == set(expected)
    for name, words in expected.items():
        assert words in lines[name], name
    assert not [line for line in lines.values() if re.search(r"failed: \??$|object of type|is undefined", line)]
    assert len({re.search(r"promoted|nothing is open|failed: ", line).start() for line in lines.values()}) == 1
    assert " and 1 more. The report above says why." in run.output
    assert {name for name, version in versions(project).items() if version != "1"} == {"b", "l"}
    assert list((project.directory / "other").rglob("a.enc"))


def test_what_is_not_due_is_left_alone_whatever_an_item_asks_for(project: Any) -> None:
    """Tasks files are not run, so a service that is down fails no run; and a phase without a use for the policy works."""
    project.play("- nebula.credential.credential: {name: a, policy: {kind: periodic, every: 90d}}").succeeded()
    for name in ("apply.yml", "verify.yml"):
        project.write(name, "- ansible.builtin.fail: {msg: the service is down}\n")
    files = {name: str(project.directory / (name + ".yml")) for name in ("apply", "verify")}
    items = [{"name": "a", "target": "command", "command": files}, {"name": "a", "target": "none", "phase": "status"}]
    path = project.write("rotate.json", json.dumps({"rotate_credentials": items, "rotate_only_due": True}))
    run = project.run("ansible-playbook", "nebula.credential.rotate", "-e", "@" + str(path)).succeeded()
    lines = run.result("nebula.credential.rotate : Show what was done")["msg"][1:3]
    assert [line.rpartition("  ")[2].strip() for line in lines] == ["not due", "nothing is open"]


def test_the_items_of_provision_name_their_store_and_a_key_that_is_none_is_refused(project: Any) -> None:
    wanted = [
        {"name": "here", "type": "basic"},
        {"name": "there", "type": "basic", "store": {"backend": "local", "path": "OTHER"}},
        {"name": "here/too", "scope": {"user": "eve"}, "ttl": "90d"},
    ]
    path = project.write("wanted.json", json.dumps({"provision_credentials": placed(project, wanted)}))
    run = project.run("ansible-playbook", "nebula.credential.provision", "-e", "@" + str(path)).succeeded()
    lines = run.result("nebula.credential.provision : Show what was done")["msg"]
    assert {line.split()[0] for line in lines[1:] if line.endswith("generated")} == {"here", "here/too", "there"}
    assert (project.directory / "other" / "there.enc").exists()
    assert set(versions(project)) == {"here", "here/too"}
    path = project.write("wanted.json", json.dumps({"provision_credentials": [{"name": "x"}, {"name": "y", "typ": "basic"}]}))
    run = project.run("ansible-playbook", "nebula.credential.provision", "-e", "@" + str(path))
    assert "credentials[1] (y): Unsupported parameters: typ" in run.output
    assert "Did you mean 'type' in place of 'typ'?" in run.output
    line = run.result("nebula.credential.provision : Show what was done")["msg"][1]
    assert line.startswith("all for one store  ")
    assert "failed: credentials[1] (y): Unsupported parameters: typ" in line
    assert run.returncode != 0
    assert "x" not in versions(project)


UNKNOWN = {
    "provision": {
        "provision_stroe": "provision_store",
        "provision_show_sumary": "provision_show_summary",
        "provison_scope": "provision_scope",
        "provision_force": "provision_store",
    },
    "rotate": {"rotate_postgressql": "rotate_postgresql", "rotate_only_deu": "rotate_only_due", "rotate_scope2": "rotate_scope"},
    "migrate": {"migrate_prefixes": "migrate_prefix", "migrated_to": "migrate_to"},
    "adopt": {"adopt_prefixes": "adopt_prefix", "adop_from": "adopt_from"},
}
WANTED = {
    "provision": {"provision_credentials": [{"name": "a"}, {"name": "b"}]},
    "rotate": {"rotate_credentials": [{"name": "a", "target": "none"}]},
    "migrate": {"migrate_to": {"name": "copy", "backend": "local", "path": "copy"}, "migrate_all": True},
    "adopt": {"adopt_from": "environment", "adopt_only": ["HOME"]},
}


@pytest.fixture
def run_role(project: Any) -> Any:
    project.play("- nebula.credential.credential: {name: a, type: basic}").succeeded()

    def run(role: str, variables: Any) -> Any:
        given = project.write("given.json", json.dumps({**WANTED[role], **variables}))
        return project.run("ansible-playbook", "nebula.credential." + role, "-e", "@" + str(given))

    return run


@pytest.mark.parametrize("role", UNKNOWN)
def test_a_variable_that_a_role_does_not_have_is_refused_with_the_one_that_was_meant(project: Any, run_role: Any, role: str) -> None:
    """One that is named as the user's own is not."""
    own = {role + "_logs": True, role + "_timeout": 5, "other_" + role: []}
    message = run_role(role, {**own, **dict.fromkeys(UNKNOWN[role], "x")}).failed()
    named = ["'{0}' (did you mean '{1}'?)".format(*each) for each in UNKNOWN[role].items()]
    assert not [each for each in named if each not in message], message
    assert "'{0}_logs'".format(role) in message
    assert "other_" + role not in message
    assert versions(project) == {"a": "1"}
    run_role(role, {**own, role + "_ignored_variables": [role + "_logs", role + "_timeout"]}).succeeded()


@pytest.mark.parametrize("variable", ["provision_store", "rotate_store", "migrate_from", "adopt_store"])
def test_an_empty_store_of_a_role_is_refused_and_none_is_the_default_one(project: Any, run_role: Any, variable: str) -> None:
    role = variable.partition("_")[0]
    run = run_role(role, {variable: ""})
    run.failed()
    assert re.search(r"option 'store'(, credential 'a')?: it is empty", run.output)
    assert versions(project) == {"a": "1"}
    run_role(role, {variable: None}).succeeded()


def test_the_role_rotate_has_a_variable_for_each_target() -> None:
    known = yaml.safe_load((CHECKOUT / "roles/rotate/vars/main.yml").read_text(encoding="utf-8"))["__rotate_more"]
    assert {"rotate_" + name for name in (*TARGETS, "target_options")} <= set(known)
