# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One playbook on every backend: what docs/stores.md prints, with nothing changed but the line `default:` of nebula.yml."""

from __future__ import annotations

import pytest
import yaml

from tests.conformance.backends import BACKENDS, _encrypted, _sealed
from tests.integration.documented import CHECKOUT, blocks

# The plain kinds differ from the encrypted one of the same backend in what is stored, not in what a play meets. KV version 1 can neither
# compare and swap nor lock, so a rotation on it is refused.
LEFT_OUT = {"local-json", "local-yaml", "local-binary", "database-sqlite", "database-postgresql", "database-mariadb", "vault-kv1"}
KINDS = [each for each in BACKENDS if each.persistent and each.wrap is not _sealed and each.label not in LEFT_OUT]


def configuration(kind, directory):
    """The store as a user would write it."""
    encrypt = kind.wrap is _encrypted
    return dict(kind.options(directory), backend=kind.backend, encrypt=encrypt, allow_plaintext=not encrypt)


def playbook():
    (found,) = (block.text for block in blocks(CHECKOUT / "docs" / "stores.md") if block.mark == "playbook")
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_the_playbook_of_the_documentation_passes_unchanged(kind, project, tmp_path):
    stores = {"local": {"backend": "local", "path": str(tmp_path / "elsewhere")}, kind.label: configuration(kind, tmp_path)}
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", yaml.safe_dump({"default": kind.label, "stores": stores})).chmod(0o600)
    run = project.run("ansible-playbook", str(project.write("playbook.yml", playbook()))).succeeded()
    assert "failed=0" in run.output
    assert not (tmp_path / "elsewhere").exists(), "another store than the default was used"


def test_every_backend_that_persists_takes_part():
    assert {kind.backend for kind in KINDS} == {each.backend for each in BACKENDS if each.persistent}
