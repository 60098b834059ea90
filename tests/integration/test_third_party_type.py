# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types of other parties, of a collection and of a Python package: in plays, with a session and without one."""

from __future__ import annotations

import os
import shutil

import pytest
import yaml

from tests.conftest import CHECKOUT

PACKAGE = CHECKOUT / "docs" / "examples" / "custom-types" / "package"
COLLECTION, ENTRY = "acme.vaulty.badge", "badge"
WRITE_AND_READ = """
- nebula.credential.credential: {{name: door, type: {0}, fields: {{holder: Jo, last_day: "2101-01-31"}}}}
  register: made
- ansible.builtin.assert:
    that:
      - made.credential.expires_at == '2101-01-31T23:59:59Z'
      - lookup('nebula.credential.get', 'door') | length == 16
      - lookup('nebula.credential.get', 'door', field='label') == 'Badge of Jo'
- nebula.credential.credential_rotate: {{name: door, target: none}}
- nebula.credential.credential: {{name: door, value: "1234"}}
  register: refused
  ignore_errors: true
- ansible.builtin.assert: {{that: "'no correct check digit' in refused.msg"}}
"""


@pytest.fixture(params=[COLLECTION, ENTRY])
def kind(request, project):
    """The documented type, beside ours: as a collection's, and as that of an installed package."""
    source = PACKAGE / "badge_type"
    if request.param == COLLECTION:
        place = project.directory / "collections/ansible_collections/acme/vaulty/plugins/plugin_utils/credential_types"
        place.mkdir(parents=True)
        shutil.copy(source / "badge.py", place / "badge.py")
    else:
        shutil.copytree(source, project.directory / "site" / "badge_type", ignore=shutil.ignore_patterns("__pycache__"))
        described = project.directory / "site" / "badge_type-1.0.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: badge-type\nVersion: 1.0.0\n")
        (described / "entry_points.txt").write_text("[nebula_credential.types]\nbadge = badge_type.badge\n")
    project.write("ansible.cfg", "[defaults]\n")
    return request.param


def edit(project, old, new):
    """Change the source of the type."""
    (file,) = [path for path in project.directory.rglob("*.py") if "class Badge(" in path.read_text(encoding="utf-8")]
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def play(project):
    """Runs tasks with both places in reach."""
    paths = os.pathsep.join([str(project.directory / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]])
    around = {"ANSIBLE_COLLECTIONS_PATH": paths, "PYTHONPATH": str(project.directory / "site")}
    return lambda tasks, **more: project.play(tasks, **around, **more)


def configure(project, *types):
    stores = {"team": {"backend": "local", "path": str(project.directory / "store"), "types": list(types)}}
    project.write("nebula.yml", yaml.safe_dump({"default": "team", "stores": stores})).chmod(0o600)


@pytest.mark.parametrize("session", ["true", "false"])
def test_plays_write_read_and_rotate_credentials_of_it(project, kind, play, session):
    configure(project, kind)
    run = play(WRITE_AND_READ.format(kind), NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert "continues without a session" not in run.output
    assert not list(project.directory.rglob("*.pyc")), "no bytecode was written next to it"


WRITE = "- nebula.credential.credential: {{name: door, type: {0}{1}}}"


def test_a_store_that_does_not_name_it_has_no_such_type(project, kind, play):
    configure(project)
    assert "there is no type '{0}'".format(kind) in play(WRITE.format(kind, "")).failed()


def test_a_store_outside_the_configuration_file_may_name_it_only_if_that_allows_it(project, kind, play):
    project.write("nebula.yml", "default: local\n").chmod(0o600)
    store = ", store: {{backend: local, path: {0}, types: [{1}]}}".format(project.directory / "other", kind)
    message = play(WRITE.format(kind, store)).failed()
    assert "the type '{0}' runs code that is not of this collection".format(kind) in message
    assert "'extensions'" in message
    project.write("nebula.yml", "extensions: [{0}]\n".format(kind)).chmod(0o600)
    play(WRITE.format(kind, store)).succeeded()


def test_it_is_never_sent_to_a_host(project, kind, play):
    configure(project, kind)
    assert "on the controller only" in play(WRITE.format(kind, ", run_on: target")).failed()


CHECKS = '            self.refuse("number", "has no correct check digit"'
RIGHT, WRONG = "4539578763621486", "4539578763621487"


@pytest.mark.parametrize(
    ("old", "new", "value", "says"),
    [
        (CHECKS, "            raise KeyError(number)\n" + CHECKS, WRONG, "raised KeyError in 'validate'"),
        (CHECKS, '            self.refuse("number", "is not " + number', WRONG, "is not (hidden)"),
        ("        return complete\n", "        return 5\n", RIGHT, "returned from 'validate' what its contract does not say"),
        ("TYPE = Badge", "TYPE = 5", RIGHT, "is no type"),
        ("TYPE = Badge", "raise SystemExit(1)", RIGHT, "cannot be loaded"),
    ],
    ids=["raises", "shows", "returns", "is none", "ends"],
)
def test_what_it_does_wrong_is_an_error_without_a_value(project, kind, play, old, new, value, says):
    configure(project, kind)
    edit(project, old, new)
    message = play(WRITE.format(kind, ', value: "{0}"'.format(value))).failed()
    assert says in message
    assert value not in message


def test_a_type_of_the_collection_is_not_named(project, play):
    project.write("ansible.cfg", "[defaults]\n")
    configure(project, "basic")
    assert "'basic' is a type of the collection itself" in play(WRITE.format("basic", "")).failed()


def test_one_that_is_not_installed_is_named(project, play):
    project.write("ansible.cfg", "[defaults]\n")
    for name, says in (("nowhere", "no installed package has a type 'nowhere'"), ("acme.vaulty.nowhere", "cannot be loaded")):
        configure(project, name)
        assert says in play(WRITE.format(name, "")).failed()
