# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages to copy, of a backend and of a type: built, beside the built suites, they pass those, and a play uses the backend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.house.import_rules import SHIPPED_SUITES
from tests.house.source import SourceTree
from tests.integration.test_added_backend import build

PACKAGES = CHECKOUT / "docs" / "examples"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of packages with all three, built by pip from copies."""
    place = tmp_path_factory.mktemp("package")
    copy = place / "ansible_collections" / "nebula" / "credential"
    for source in SourceTree(CHECKOUT).listed:
        if source.name.startswith(("plugins/", "extras/", "docs/examples/", *SHIPPED_SUITES)):
            (copy / source.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source.path, copy / source.name)
    for package in ("docs/examples/custom-backends/package", "docs/examples/custom-types/package", "extras/conformance"):
        build(copy / package, place / "wheels")
    for wheel in (place / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place / "site")
    return place


SUITES = {
    "custom-backends": ("NEBULA_CONFORMANCE_KINDS", "kinds:KINDS", ("nebula_credential_conformance", "-k", "shelf and not encrypted"), 50),
    "custom-types": ("NEBULA_CONFORMANCE_TYPES", "types_of_mine:SAMPLES", ("nebula_credential_type_conformance",), 20),
}


@pytest.mark.parametrize("package", SUITES)
def test_it_passes_its_suite_by_one_import(site: Path, package: str) -> None:
    variable, named, arguments, least = SUITES[package]
    path = os.pathsep.join([str(site), str(site / "site"), str(PACKAGES / package / "package" / "tests")])
    # What this repository's own suites run on is not there.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("NEBULA_CONFORMANCE_")}
    environment = {**outside, "PYTHONPATH": path, variable: named}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", *arguments]
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1].split(" passed")[0].split()[-1]) > least


def test_a_play_uses_the_backend_by_the_name_of_its_entry_point(site: Path, project: Any) -> None:
    project.write("ansible.cfg", "[defaults]\n")
    stores = "default: team\nstores:\n  team: {{backend: shelf, directory: {0}, encrypt: false}}\n".format(project.directory / "shelf")
    project.write("nebula.yml", stores).chmod(0o600)
    tasks = """
- nebula.credential.credential: {name: db_pass, type: basic, fields: {username: app}}
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db_pass') | length == 32"}
"""
    project.play(tasks, PYTHONPATH=str(site / "site")).succeeded()
    assert (project.directory / "shelf" / "db_pass.json").exists()
