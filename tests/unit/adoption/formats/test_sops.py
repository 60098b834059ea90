# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of SOPS, which its program has encrypted, come back value by value; what cannot be decrypted is refused without a value."""

from __future__ import annotations

import shutil
import subprocess
import time

import pyrage
import pytest

from ansible_collections.nebula.credential.plugins.module_utils.adoption import programs
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    StorageError,
    Tampered,
    Timeout,
)
from tests.unit.adoption.formats.corpus import EXPECTED, PLACE, check, names_of, read, refusal


@pytest.fixture
def sops(tmp_path, monkeypatch):
    """Encrypts a file of the corpus with a key of age."""
    key, keys = pyrage.x25519.Identity.generate(), tmp_path / "keys.txt"
    keys.write_text(str(key) + "\n")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(keys))

    def encrypt(name):
        path = tmp_path / name.split("/")[-1]
        shutil.copy(PLACE / name, path)
        subprocess.run(["sops", "--encrypt", "--age", str(key.to_public()), "--in-place", str(path)], check=True, capture_output=True)
        return path

    return encrypt


@pytest.mark.parametrize("name", names_of("sops"))
def test_an_encrypted_file_gives_its_values(name, sops):
    check(EXPECTED[name], "sops", sops(name))


def test_keys_below_the_first_level_can_be_fields(sops):
    found = read("sops", sops("sops/nested.yaml"), nested="fields")
    assert found[-2:] == [each for each in found if each.name in ("database", "tokens")]
    assert found[-2].fields == {"username": "app", "password": 'p@"ss', "port": "5432"}


def test_a_file_without_a_key_for_it_is_refused(sops, monkeypatch, tmp_path):
    path = sops("sops/nested.yaml")
    (tmp_path / "keys.txt").write_text(str(pyrage.x25519.Identity.generate()) + "\n")
    assert isinstance(refusal("sops", path), LoginFailed)


def test_a_file_that_was_changed_is_refused(sops):
    path = sops("sops/nested.yaml")
    path.write_text(path.read_text().replace("enabled: ", "disabled: "))
    assert isinstance(refusal("sops", path), (Tampered, StorageError))


@pytest.mark.parametrize("name", names_of("sops"))
def test_a_file_that_sops_has_not_encrypted_is_refused(name):
    error = refusal("sops", PLACE / name)
    assert isinstance(error, (InvalidInput, StorageError))


def test_a_program_that_is_not_there_is_named(sops):
    with pytest.raises(InvalidConfiguration, match="there is no program '/no/sops'"):
        read("sops", sops("sops/app.env"), program="/no/sops")


def test_a_program_that_does_not_end_is_stopped(sops, tmp_path, monkeypatch):
    program = tmp_path / "sops"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    path = sops("sops/app.env")
    monkeypatch.setattr(programs, "SECONDS", 0.5)
    before = time.monotonic()
    with pytest.raises(Timeout, match="did not end"):
        read("sops", path, program=str(program))
    assert time.monotonic() - before < 300
