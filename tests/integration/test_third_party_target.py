# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation target of another collection: loaded on the controller, where the configuration lists it, checked by its own options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

TARGET = """
import pathlib

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import base, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option


class Appliance(base.Target):
    kind = "acme.vaulty.appliance"
    summary = "An appliance."
    about = ("Where it is.",)
    options = {
        "place": Option("path", ("Its file.",), required=True),
        "pin": Option("str", ("Its PIN.",), no_log=True),
    }
    traits = base.TargetTraits(base.OVERLAP_NONE, base.REAPPLY, "reads it", 60)

    def __init__(self, options, current):
        self._place = pathlib.Path(options["place"])

    def describe(self):
        return {"place": str(self._place)}

    def precheck(self, modules):
        if not self._place.exists():
            raise NotFound("the appliance is not there", option="target_options.place")

    def apply(self, modules, value, place=""):
        self._place.write_bytes(value.fields[value.primary].expose())
        return steps.APPLIED

    def probe(self, modules, value, place=""):
        return steps.ACCEPTED if self._place.read_bytes() == value.fields[value.primary].expose() else steps.REFUSED


TARGET = Appliance
"""
ROTATE = "nebula.credential.credential_rotate"


@pytest.fixture
def appliance(project: Any) -> Path:
    """The collection acme.vaulty beside ours, a credential, and the file that takes its value."""
    place = project.directory / "collections" / "ansible_collections" / "acme" / "vaulty" / "plugins" / "plugin_utils" / "rotation_targets"
    place.mkdir(parents=True)
    (place / "appliance.py").write_text(TARGET)
    project.write("ansible.cfg", "[defaults]\n")
    project.play("- nebula.credential.credential: {name: door, type: basic}").succeeded()
    taken = project.directory / "appliance"
    taken.write_text("")
    return taken


def rotate(project: Any, options: str, *arguments: str) -> Any:
    task = "- {0}: {{name: door, target: acme.vaulty.appliance, {1}}}".format(ROTATE, options)
    paths = os.pathsep.join([str(project.directory / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]])
    return project.play(task, *arguments, ANSIBLE_COLLECTIONS_PATH=paths)


def allow(project: Any) -> None:
    project.write("nebula.yml", "extensions: [acme.vaulty.appliance]\n")


def test_a_target_that_the_configuration_lists_is_driven(project: Any, appliance: Path) -> None:
    allow(project)
    give = "- ansible.builtin.copy: {{content: '{0}', dest: {1}, mode: '0600'}}\n  no_log: true"
    lookup = '{{ lookup("nebula.credential.get", "door") }}'
    project.play(give.format(lookup, appliance)).succeeded()
    run = rotate(project, "target_options: {{place: {0}, pin: a-secret-pin}}".format(appliance), "-vvv").succeeded()
    same = "lookup('nebula.credential.get', 'door') == lookup('ansible.builtin.file', '{0}')".format(appliance)
    project.play('- ansible.builtin.assert: {{that: "{0}"}}'.format(same)).succeeded()
    assert len(appliance.read_text()) > 8
    assert "a-secret-pin" not in run.output
    assert str(appliance) in run.output


def test_one_that_does_not_accept_the_current_value_is_sent_nothing_unless_the_task_says_so(project: Any, appliance: Path) -> None:
    allow(project)
    options = "target_options: {{place: {0}}}".format(appliance)
    assert "does not accept the current value" in rotate(project, options).failed()
    assert appliance.read_text() == ""
    run = rotate(project, options + ", current_unverified: true", "-v").succeeded()
    assert '"current_verified": false' in run.output
    assert len(appliance.read_text()) > 8


def test_one_that_it_does_not_list_is_not_loaded(project: Any, appliance: Path) -> None:
    message = rotate(project, "target_options: {{place: {0}}}".format(appliance)).failed()
    assert "does not list the target 'acme.vaulty.appliance'" in message
    assert "'extensions' in nebula.yml" in message


def test_a_name_that_is_nearly_one_of_the_list_is_refused_with_that_one(project: Any, appliance: Path) -> None:
    allow(project)
    message = project.play("- {0}: {{name: door, target: acme.vaulty.applianc, target_options: {{place: /x}}}}".format(ROTATE)).failed()
    assert "Did you mean 'acme.vaulty.appliance'?" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("target_options: {place: /x, pni: 1}", "target_options.pni"),
        ("target_options: {}", "place"),
        ("grace: 0s", "place"),
        ("target_options: {place: /no/such/appliance}", "the appliance is not there"),
        ("run_on: target, target_options: {place: /x}", "loaded on the controller only"),
    ],
)
def test_its_options_are_checked_by_its_own_and_a_host_never_gets_it(project: Any, appliance: Path, options: str, words: str) -> None:
    allow(project)
    assert words in rotate(project, options).failed()
    assert appliance.read_text() == ""


def test_a_target_of_ours_is_not_on_a_host_either(project: Any) -> None:
    command = "{apply: ['true'], verify: ['true']}"
    message = project.play("- {0}: {{name: door, run_on: target, target: command, command: {1}}}".format(ROTATE, command)).failed()
    assert "the target 'command' is loaded on the controller only" in message


def test_its_options_are_refused_with_a_target_of_ours(project: Any, appliance: Path) -> None:
    message = project.play("- {0}: {{name: door, target: none, target_options: {{place: /x}}}}".format(ROTATE)).failed()
    assert "only a third party's target has this option" in message


@pytest.mark.parametrize(("text", "words"), [("TARGET = 1", "is no target"), ("x = 1 /", "SyntaxError"), ("", "is no target")])
def test_a_file_that_is_no_target_is_named(project: Any, appliance: Path, text: str, words: str) -> None:
    allow(project)
    file = next((project.directory / "collections").rglob("appliance.py"))
    file.write_text(text)
    assert words in rotate(project, "target_options: {place: /x}").failed()


def test_a_list_that_is_none_is_named(project: Any, appliance: Path) -> None:
    project.write("nebula.yml", "extensions: acme.vaulty.appliance\n")
    assert "is not a list of names" in rotate(project, "target_options: {place: /x}").failed()
