# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation targets of a third party: loaded on the controller, where the configuration lists them, checked by their own options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tomllib

from tests.conftest import CHECKOUT
from tests.house.import_rules import SHIPPED_SUITES
from tests.house.source import SourceTree
from tests.integration import default_store
from tests.integration.test_added_backend import build

COPIED = CHECKOUT / "docs" / "examples" / "custom-targets" / "collection"
TARGET = (COPIED / "plugins" / "plugin_utils" / "rotation_targets" / "appliance.py").read_text(encoding="utf-8")
ROTATE = "nebula.credential.credential_rotate"


@pytest.fixture
def appliance(project: Any) -> Path:
    """The collection acme.vaulty beside ours, a credential, and the file that takes its value."""
    place = project.directory / "collections" / "ansible_collections" / "acme" / "vaulty" / "plugins" / "plugin_utils" / "rotation_targets"
    place.mkdir(parents=True)
    (place / "appliance.py").write_text(TARGET)
    project.write("ansible.cfg", "[defaults]\n")
    default_store.create_all([{"name": "door", "type": "basic"}])
    taken = project.directory / "appliance"
    taken.write_text("")
    return taken


def rotate(project: Any, options: str, *arguments: str) -> Any:
    task = "- {0}: {{name: door, target: acme.vaulty.appliance, {1}}}".format(ROTATE, options)
    paths = os.pathsep.join([str(project.directory / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]])
    return project.play(task, *arguments, ANSIBLE_COLLECTIONS_PATH=paths)


def allow(project: Any) -> None:
    project.write("nebula.yml", "extensions: [acme.vaulty.appliance]\n")


def add_package(site: Path) -> None:
    """Put the target into a directory of packages, as the installed package to copy."""
    named = tomllib.loads((COPIED / "pyproject.toml").read_text(encoding="utf-8"))
    ((group, points),) = named["project"]["entry-points"].items()
    (package,) = named["tool"]["setuptools"]["packages"]
    described = site / "{0}-{1}.dist-info".format(package, named["project"]["version"])
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: {0}\nVersion: 1.0.0\n".format(named["project"]["name"]))
    (described / "entry_points.txt").write_text("\n".join(["[{0}]".format(group), *map("{0[0]} = {0[1]}".format, points.items())]))
    shutil.copytree(COPIED / named["tool"]["setuptools"]["package-dir"][package], site / package)


def test_a_target_that_the_configuration_lists_is_driven(project: Any, appliance: Path) -> None:
    allow(project)
    appliance.write_text(default_store.read_field("door"))
    run = rotate(project, "target_options: {{place: {0}, pin: a-secret-pin}}".format(appliance), "-vvv").succeeded()
    assert appliance.read_text() == default_store.read_field("door")
    assert len(appliance.read_text()) > 8
    assert "a-secret-pin" not in run.output
    assert str(appliance) in run.output


def test_one_of_an_installed_package_is_driven_by_a_task_and_with_all_that_is_due(project: Any) -> None:
    place, site = project.directory / "appliance", project.directory / "site"
    add_package(site)
    described = "targets: {{front: {{kind: appliance, place: {0}, current_unverified: true}}}}\n".format(place)
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", "extensions: [appliance]\n" + described)
    place.write_text("")
    tasks = """
- nebula.credential.credential: {{name: door, type: basic}}
- nebula.credential.credential_rotate: {{name: door, target: appliance, target_options: {{place: {0}}}, current_unverified: true}}
- ansible.builtin.assert: {{that: "lookup('nebula.credential.get', 'door') == lookup('ansible.builtin.file', '{0}')"}}
- nebula.credential.credential:
    {{name: door, value: an-old-one, ttl: 1d, policy: {{kind: before_expiry, before: 30d}}, rotation: {{target: front}}}}
- nebula.credential.credential_rotate_due:
- ansible.builtin.assert: {{that: "lookup('nebula.credential.get', 'door') == lookup('ansible.builtin.file', '{0}')"}}
"""
    project.play(tasks.format(place), PYTHONPATH=str(site)).succeeded()
    assert len(place.read_text()) > len("an-old-one")


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


def test_the_target_to_copy_passes_the_suite_of_the_distribution(tmp_path: Path) -> None:
    """As someone does who has both collections and none of our tests."""
    for source in SourceTree(CHECKOUT).listed:
        if source.name.startswith(("extras/conformance/", *SHIPPED_SUITES)):
            (tmp_path / source.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source.path, tmp_path / source.name)
    build(tmp_path / "extras" / "conformance", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    root = tmp_path / "site" / "ansible_collections"
    shutil.copytree(COPIED / "plugins", root / "acme" / "vaulty" / "plugins")
    (root / "nebula" / "credential").mkdir(parents=True)
    (root / "nebula" / "credential" / "plugins").symlink_to(CHECKOUT / "plugins")
    around = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(COPIED / "suite")]),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "site"),
    }
    environment = {**os.environ, **around, "NEBULA_CONFORMANCE_TARGETS": "services:SERVICES"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "nebula_credential_target_suite"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1].split(" passed")[0].split()[-1]) > 18
