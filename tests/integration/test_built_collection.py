# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `ansible-galaxy collection build` ships."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.house.source import SourceTree

SHIPPED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "bindep.txt",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements",
    "requirements.txt",
    "roles",
}
MOST_BYTES = (1024 + 36 + 30 + 24 + 46 + 32 + 26 + 16 + 44 + 28 + 14 + 32 + 40 + 25 + 24 + 12 + 16 + 12 + 12 + 36 + 16 + 8 + 30 + 20) * 1024
"""Of the file that is downloaded. Three quarters of it are the plugins."""
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The built file. It is built from a copy, as a checkout holds more than git knows."""
    root = tmp_path_factory.mktemp("built")
    for source in SourceTree(CHECKOUT).listed:
        (root / "copy" / source.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.path, root / "copy" / source.name)
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(root), str(root / "copy")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (tarball,) = root.glob("*.tar.gz")
    return tarball


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built) as archive:
        archive.extractall(place, filter="data")
    return place


def test_it_holds_what_users_run_and_read_and_nothing_else(unpacked):
    assert {path.name for path in unpacked.iterdir()} == SHIPPED
    assert {path.name for path in (unpacked / "changelogs").iterdir()} == {"changelog.yaml"}
    assert not (unpacked / "docs" / "decisions").exists()
    assert (unpacked / "plugins" / "modules" / "credential.py").is_file()


def test_it_is_small(built):
    assert built.stat().st_size <= MOST_BYTES


def test_no_shipped_page_links_to_one_that_is_not_shipped(unpacked):
    links = [(page, target) for page in unpacked.rglob("*.md") for target in LINK.findall(page.read_text(encoding="utf-8"))]
    assert [(page.name, target) for page, target in links if not Path(page.parent, target).exists()] == []


def test_its_plugins_answer_when_it_is_installed(built, project, tmp_path):
    """In a run that finds no other copy of the collection."""
    installed = tmp_path / "collections"
    command = ["ansible-galaxy", "collection", "install", "--offline", "--force", "--collections-path", str(installed), str(built)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    run = project.play(
        "- {name: made, nebula.credential.credential: {name: a}}\n"
        "- {name: read, ansible.builtin.assert: {that: \"lookup('nebula.credential.get', 'a') | length == 32\"}}\n",
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    ).succeeded()
    assert run.result("made")["changed"]
