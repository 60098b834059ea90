# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends of other parties, of a collection and of a Python package: in plays, with a session and without one."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, Callable, Dict

import pytest
import yaml

from tests.conftest import CHECKOUT

PACKAGE = CHECKOUT / "docs" / "examples" / "custom-backends" / "package"
COLLECTION, ENTRY = "acme.vaulty.shelf", "shelf"
WRITE_AND_READ = """
- nebula.credential.credential: {name: app/db_pass, value: first}
- nebula.credential.credential: {name: app/db_pass, value: second}
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'app/db_pass') == 'second'
      - lookup('nebula.credential.get', 'app/db_pass', version='1') == 'first'
- nebula.credential.store_info: {}
  register: info
- ansible.builtin.debug: {msg: "{{ info.backend }} {{ info.health.status }}"}
"""


ONE = pytest.mark.parametrize("backend", [COLLECTION, pytest.param(ENTRY, marks=pytest.mark.long)], indirect=True)
"""For what does not depend on where it was found."""


@pytest.fixture(params=[COLLECTION, ENTRY])
def backend(request: Any, project: Any) -> str:
    """The documented backend, beside ours: as a collection's, and as that of an installed package."""
    if request.param == COLLECTION:
        place = (
            project.directory
            / "collections"
            / "ansible_collections"
            / "acme"
            / "vaulty"
            / "plugins"
            / "plugin_utils"
            / "credential_backends"
        )
        place.mkdir(parents=True)
        shutil.copy(PACKAGE / "shelf_backend" / "backend.py", place / "shelf.py")
    else:
        site = project.directory / "site"
        shutil.copytree(PACKAGE / "shelf_backend", site / "shelf_backend")
        described = site / "shelf_backend-1.0.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-backend\nVersion: 1.0.0\n")
        (described / "entry_points.txt").write_text("[nebula_credential.backends]\nshelf = shelf_backend.backend\n")
    project.write("ansible.cfg", "[defaults]\n")
    return str(request.param)


def edit(project: Any, old: str, new: str) -> None:
    """Change the source of the backend."""
    (file,) = [path for path in project.directory.rglob("*.py") if "class Shelf(" in path.read_text(encoding="utf-8")]
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def play(project: Any) -> Callable[..., Any]:
    """Runs tasks with both places in reach."""
    paths = os.pathsep.join([str(project.directory / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]])
    around = {"ANSIBLE_COLLECTIONS_PATH": paths, "PYTHONPATH": str(project.directory / "site")}
    return lambda tasks, *arguments, **more: project.play(tasks, *arguments, **around, **more)


def store_of(project: Any, backend: str, **more: Any) -> Dict[str, Any]:
    return {"backend": backend, "directory": str(project.directory / "shelf"), "pin": "a-secret-pin", "encrypt": False, **more}


def configure(project: Any, backend: str, **more: Any) -> None:
    stores = {"team": store_of(project, backend, **more)}
    project.write("nebula.yml", yaml.safe_dump({"default": "team", "stores": stores})).chmod(0o600)


@pytest.mark.parametrize("session", ["true", "false"])
def test_plays_write_and_read_through_it(project: Any, backend: str, play: Any, session: str) -> None:
    configure(project, backend)
    run = play(WRITE_AND_READ, "-vvv", NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert backend + " healthy" in run.output
    assert "a-secret-pin" not in run.output
    assert "continues without a session" not in run.output
    assert (project.directory / "shelf" / "app" / "db_pass.json").exists()
    assert not list(project.directory.rglob("*.pyc")), "no bytecode was written next to it"


def test_it_can_be_encrypted(project: Any, backend: str, play: Any) -> None:
    configure(project, backend, encrypt=True)
    play(WRITE_AND_READ).succeeded()
    assert "second" not in "".join(path.read_text() for path in (project.directory / "shelf").rglob("*.json"))


def test_a_store_outside_the_configuration_file_may_use_it_only_if_that_allows_it(project: Any, backend: str, play: Any) -> None:
    project.write("nebula.yml", "default: local\n").chmod(0o600)
    given = yaml.safe_dump(store_of(project, backend), default_flow_style=True, width=1000).strip()
    task = "- nebula.credential.credential: {{name: db_pass, value: x, store: {0}}}".format(given)
    message = play(task).failed()
    assert "the backend '{0}' runs code that is not of this collection".format(backend) in message
    assert "'extensions'" in message
    assert not (project.directory / "shelf").exists()
    project.write("nebula.yml", "extensions: [{0}]\n".format(backend)).chmod(0o600)
    play(task).succeeded()


def test_it_is_never_sent_to_a_host(project: Any, backend: str, play: Any) -> None:
    configure(project, backend)
    assert "on the controller only" in play("- nebula.credential.credential: {name: db_pass, value: x, run_on: target}").failed()


@ONE
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direktory": "/x"}, "Did you mean 'directory'?"),
        ({"directory": ["x"]}, "cannot be read as path"),
        ({"directory": None}, "directory"),
    ],
)
def test_its_options_are_checked_by_its_own_specification(project: Any, backend: str, play: Any, options: Any, words: str) -> None:
    configure(project, backend, **options)
    assert words in play("- nebula.credential.credential: {name: db_pass, value: x}").failed()


READ = "- ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'db_pass') }}\"}"


@ONE
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('kV7-canary a-secret-pin')", "raised ValueError in 'get'"),
        ("raise Conflict('it said a-secret-pin')", "it said (hidden)"),
        ("raise Conflict('lost') from ValueError('kV7-canary')", "lost"),
        ("raise SystemExit('kV7-canary')", "raised SystemExit in 'get'"),
        ("return {'password': 'kV7-canary'}", "'get'"),
        ("import time; time.sleep(600)", "get did not end within 5 s"),
    ],
)
def test_what_it_does_wrong_is_named_and_shows_nothing(project: Any, backend: str, play: Any, body: str, words: str) -> None:
    """With a session for some, without one for the others."""
    session = "true" if body.startswith("raise") else "false"
    configure(project, backend)
    edit(project, "        parts = self._read(find_path(place))\n        return None", "        {0}\n        return None".format(body))
    message = play(READ, NEBULA_CREDENTIAL_SESSION=session).failed()
    assert words in message
    assert "kV7-canary" not in message
    assert "a-secret-pin" not in message


@ONE
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("BACKEND = Shelf", "BACKEND = ShelfObjects", "is no backend"),
        ("BACKEND = Shelf", "", "is no backend"),
        ("TRAITS = BackendTraits(", "OTHER = BackendTraits(", "cannot be loaded (NameError)"),
        ("options = TRAITS.spec", "options = {}", "is no backend"),
        ("import base64", "import base64, no_such_module", "cannot be loaded (ModuleNotFoundError)"),
        ("import base64", "raise SystemExit(3)", "cannot be loaded (SystemExit)"),
    ],
)
def test_a_module_that_is_no_backend_is_named(project: Any, backend: str, play: Any, old: str, new: str, words: str) -> None:
    configure(project, backend)
    edit(project, old, new)
    assert words in play(READ).failed()


def test_a_name_that_nothing_provides_is_one_that_does_not_exist(project: Any, play: Any) -> None:
    project.write("ansible.cfg", "[defaults]\n")
    configure(project, "shelves")
    problem = play(READ).failed()
    assert "there is no backend 'shelves'" in problem
    assert "must be installed where Ansible runs" in problem
    configure(project, "acme.vaulty.shelves")
    assert "credential_backends.shelves cannot be loaded (ModuleNotFoundError)" in play(READ).failed()


def test_a_command_of_a_variable_runs_only_if_the_configuration_file_allows_it(project: Any, play: Any) -> None:
    mark = project.directory / "ran"
    stores = {"mine": {"backend": "custom", "command": [sys.executable, "-c", "open({0!r}, 'w')".format(str(mark))]}}
    variables = [
        "-e",
        yaml.safe_dump({"nebula_credential_stores": stores, "nebula_credential_store": "mine"}, default_flow_style=True, width=9999),
    ]
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", "default: local\n").chmod(0o600)
    assert "runs code that is not of this collection" in play(READ, *variables).failed()
    assert not mark.exists()
    project.write("nebula.yml", "extensions: [custom]\n").chmod(0o600)
    assert "gave no answer" in play(READ, *variables).failed()
    assert mark.exists()
