# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend is added by its folder, its harness, its page, its row and its lines in two pages, and by nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, cannot_run
from tests.house.source import SourceTree

SAMPLE = Path(__file__).parent / "added_backend"
GOES_THROUGH_BACKENDS = re.compile(r"\b(?:BACKENDS|HARNESSES)\b|every_backend")
"""What a file of unit tests has in it that tries something with every backend."""
ROW = """
def _shelf() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.shelf.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.shelf.backend import Shelf

        return Shelf

    return TRAITS, load


"""
CONFIGURING = """
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.config.relative_paths import beside_file
config = {"backend": "shelf", "plan": "a", "lock_code": "b", "keeper": {"badge_file": "c", "badge": "d"}}
print(beside_file(config, "/etc/nebula.yml"), [secret.expose() for secret in secrets_of(config)])
"""
NAMING = """
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import resolve_store_aliases
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.config.relative_paths import beside_file
named = resolve_store_aliases({"backend": "shelf", "code": "b", "badge": "d"})
placed = beside_file({"backend": "shelf", "lock_code_file": "f"}, "/etc/nebula.yml")
print(named, [secret.expose() for secret in secrets_of(named)], placed)
"""


KINDS = """
from nebula_credential_conformance.store_kind import StoreKind, encrypting

KINDS = (
    StoreKind("shelf", "shelf", lambda _directory: {}, persistent=False),
    StoreKind("shelf-encrypted", "shelf", lambda _directory: {"encrypt": True}, encrypting, persistent=False, many=False),
)
"""


def insert(path, before, text):
    """Insert a text before the line that begins so."""
    content = path.read_text(encoding="utf-8")
    assert content.count("\n" + before) == 1, before
    path.write_text(content.replace("\n" + before, "\n" + text + before), encoding="utf-8")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """A copy of the collection with a backend more."""
    root = tmp_path_factory.mktemp("added")
    copy = root / "ansible_collections" / "nebula" / "credential"
    for source in SourceTree(CHECKOUT).listed:
        (copy / source.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.path, copy / source.name)
    own = copy / "plugins" / "module_utils" / "backends" / "shelf"
    own.mkdir()
    for name in ("backend.py", "options.py"):
        shutil.copy(SAMPLE / name, own / name)
    shutil.copy(CHECKOUT / "tests" / "conformance" / "object_places.py", own / "places.py")
    shutil.copy(SAMPLE / "harness.py", copy / "tests" / "backends" / "shelf.py")
    shutil.copy(SAMPLE / "page.md", copy / "docs" / "integrations" / "backends" / "shelf.md")
    registry = own.parent / "registry.py"
    insert(registry, "BACKENDS: ", ROW.lstrip("\n"))
    insert(registry, '    "vault": ', '    "shelf": _shelf,\n')
    insert(copy / "README.md", "| `vault` ", "| `shelf` | a shelf | nothing |\n")
    return copy


def run(collection, *arguments):
    """Run a Python program in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(collection.parents[2])}
    return subprocess.run([sys.executable, *arguments], cwd=collection, env=environment, capture_output=True, text=True, check=False)


def passed_in(collection, *arguments):
    """Run tests in the copy; return how many have passed."""
    done = run(collection, "-m", "pytest", "-q", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.splitlines()[-1].split(" passed")[0].split()[-1])


@pytest.mark.long
def test_it_runs_the_conformance_suite(collection):
    assert passed_in(collection, "tests/conformance", "-k", "shelf or every_backend") > 100


@pytest.mark.long(reason="that suite runs on the package to copy, too")
def test_it_runs_the_suite_of_the_distribution(collection, tmp_path):
    """As someone does who has a copy of the collection with the backend, and none of its tests."""
    build(collection / "extras" / "conformance", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    without_tests = tmp_path / "ansible_collections" / "nebula" / "credential"
    shutil.copytree(collection / "plugins", without_tests / "plugins")
    (tmp_path / "my_kinds.py").write_text(KINDS, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": "{0}:{0}/site".format(tmp_path),
        "NEBULA_CONFORMANCE_KINDS": "my_kinds:KINDS",
        "NEBULA_CONFORMANCE_READERS": "",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "nebula_credential_conformance", "-k", "shelf"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1].split(" passed")[0].split()[-1]) > 80


def build(source, wheels):
    """Build a wheel with pip, which installs setuptools for it. Without a package index this fails in CI, and is skipped elsewhere."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source)]
    environment = {**os.environ, "PIP_CACHE_DIR": str(CHECKOUT / ".cache" / "pip")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "No matching distribution found" in done.stderr:
        cannot_run("no package index can be reached: {0}".format(done.stderr.splitlines()[-1]))
    assert done.returncode == 0, done.stderr


def test_it_is_held_to_what_every_backend_is(collection):
    """What it declares and loads, what its mistakes name, what the README says that it needs."""
    files = [source.name for source in SourceTree(CHECKOUT).python("tests/unit") if GOES_THROUGH_BACKENDS.search(source.text)]
    assert passed_in(collection, *files, "-k", "shelf or every_backend") > 8


def test_its_paths_and_secrets_are_known_to_who_reads_a_configuration(collection):
    done = run(collection, "-c", CONFIGURING)
    placed = {"backend": "shelf", "plan": "/etc/a", "lock_code": "b", "keeper": {"badge_file": "/etc/c", "badge": "d"}}
    assert done.stdout == "{0} {1}\n".format(placed, [b"b", b"d"]), done.stderr


def test_its_other_names_and_the_file_of_its_login_follow_from_what_it_declares(collection):
    done = run(collection, "-c", NAMING)
    named = {"backend": "shelf", "lock_code": "b", "keeper": {"badge": "d"}}
    assert done.stdout == "{0} {1} {2}\n".format(named, [b"b", b"d"], {"backend": "shelf", "lock_code_file": "/etc/f"}), done.stderr
