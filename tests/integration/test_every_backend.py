# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One playbook on every backend: what docs/examples/every-backend.md prints, with nothing changed but the line `default:` of nebula.yml."""

from __future__ import annotations

import pytest
import yaml

from tests.backends.discovery import KINDS
from tests.integration.documented import CHECKOUT, blocks

PLAYED = [kind for kind in KINDS if kind.plays]


def playbook():
    (found,) = (block.text for block in blocks(CHECKOUT / "docs" / "examples" / "every-backend.md") if block.mark == "playbook")
    return found


@pytest.mark.parametrize("kind", PLAYED, ids=lambda kind: kind.label)
def test_the_playbook_of_the_documentation_passes_unchanged(kind, project, tmp_path):
    stores = {"local": {"backend": "local", "path": str(tmp_path / "elsewhere")}, kind.label: kind.configuration(tmp_path)}
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", yaml.safe_dump({"default": kind.label, "stores": stores})).chmod(0o600)
    run = project.run("ansible-playbook", str(project.write("playbook.yml", playbook()))).succeeded()
    assert "failed=0" in run.output
    assert not (tmp_path / "elsewhere").exists(), "another store than the default was used"


def test_every_backend_that_persists_takes_part():
    assert {kind.backend for kind in PLAYED} == {kind.backend for kind in KINDS if kind.persistent}
