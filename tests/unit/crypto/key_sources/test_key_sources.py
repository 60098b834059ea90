# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sources: any one of them opens the store, and nothing weak is put in the place of a missing one."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import argon2id
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import (
    LEAST,
    MOST,
    Parameters,
    check_parameters,
    derive_from,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InsecurePermissions,
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    Tampered,
    Timeout,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.unit.crypto.sealed_stores import (
    a_record,
    a_store,
    document_path,
    keys_directory,
    the_key_file,
    value_of,
    with_passphrase,
)

CHEAP = Parameters(*LEAST)


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", CHEAP)


def test_any_source_opens_the_store(tmp_path):
    both = {"key_sources": [{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]}
    a_store(tmp_path, **both).put(a_record())
    the_key_file().unlink()
    assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    assert not list(keys_directory().glob("*.key"))


def test_a_source_new_in_the_configuration_gets_a_slot_and_a_dropped_one_loses_it(tmp_path):
    a_store(tmp_path).put(a_record())
    a_store(tmp_path, key_sources=[{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]).get("db_pass")
    alone = with_passphrase("open sesame")
    assert value_of(a_store(tmp_path, **alone).get("db_pass")) == b"correct horse"
    a_store(tmp_path, drop_sources=["key_file"], **alone).get("db_pass")
    with pytest.raises(MissingKey, match="It can be opened with: 'passphrase'"):
        a_store(tmp_path).get("db_pass")


def test_the_last_source_is_not_dropped(tmp_path):
    a_store(tmp_path).put(a_record())
    label = the_key_file().read_text().split()[1]
    opened = a_store(tmp_path, drop_sources=["key_file:" + label])
    assert value_of(opened.get("db_pass")) == b"correct horse"
    assert len(json.loads(document_path(tmp_path).read_text())["slots"]) == 1


def test_a_source_cannot_be_used_and_dropped_at_once(tmp_path):
    with pytest.raises(InvalidConfiguration, match="drop_sources"):
        a_store(tmp_path, drop_sources=["key_file"])
    with pytest.raises(InvalidConfiguration, match="'passphrase:' is also configured as a key source"):
        a_store(tmp_path, drop_sources=["passphrase:"], **with_passphrase("a"))


def test_what_is_to_be_dropped_has_to_be_a_source(tmp_path):
    with pytest.raises(
        InvalidConfiguration,
        match=r"'drop_sources': it names something that is not a key source\. .*age, ansible_vault, .*, vault_transit",
    ):
        a_store(tmp_path, drop_sources=["passphrase:office", "pasphrase"])


def test_a_new_source_that_is_not_here_does_not_keep_anybody_from_reading(tmp_path):
    a_store(tmp_path).put(a_record())
    sources = [{"source": "key_file"}, {"source": "passphrase", "passphrase_env": "NOT_SET_ANYWHERE"}]
    assert value_of(a_store(tmp_path, key_sources=sources).get("db_pass")) == b"correct horse"


def test_the_vault_password_is_asked_for_by_its_id(tmp_path):
    asked = []

    def vault_password(vault_id):
        asked.append(vault_id)
        return Secret("the vault's")

    sources = {"key_sources": [{"source": "ansible_vault", "vault_id": "prod"}]}
    a_store(tmp_path, vault_password, **sources).put(a_record())
    assert value_of(a_store(tmp_path, vault_password, **sources).get("db_pass")) == b"correct horse"
    assert set(asked) == {"prod"}
    with pytest.raises(MissingKey, match=r"'ansible_vault' \(prod\)"):
        a_store(tmp_path, vault_password, key_sources=[{"source": "ansible_vault"}]).get("db_pass")
    for absent in (None, lambda _vault_id: None):
        with pytest.raises(KeySourceUnavailable, match="prod"):
            a_store(tmp_path, absent, **sources).get("db_pass")


def test_a_passphrase_comes_from_the_environment_or_a_private_file(tmp_path, monkeypatch):
    a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    monkeypatch.setenv("THE_PASSPHRASE", "open sesame")
    path = tmp_path / "passphrase"
    path.write_bytes(b"open sesame\n")
    path.chmod(0o600)
    for given in ({"passphrase_env": "THE_PASSPHRASE"}, {"passphrase_file": str(path)}):
        sources = {"key_sources": [dict(given, source="passphrase")]}
        assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"
    path.chmod(0o644)
    with pytest.raises(InsecurePermissions):
        a_store(tmp_path, **sources).get("db_pass")
    path.unlink()
    with pytest.raises(KeySourceUnavailable, match="absent or empty"):
        a_store(tmp_path, **sources).get("db_pass")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"source": "carrier_pigeon"},
        {"source": "key_file", "passphrase": "x"},
        {"source": "key_file", "path": 3},
        {"source": "passphrase"},
        {"source": "passphrase", "passphrase": "x", "passphrase_env": "X"},
        {"source": "ansible_vault", "path": "x"},
        {"source": "vault_transit", "passphrase": "x"},
        {"source": "vault_transit", "url": "https://vault.example.com", "auth": {"token": "x"}},
    ],
    ids=str,
)
def test_what_is_no_source_is_refused_by_name(entry):
    with pytest.raises(InvalidConfiguration, match="key_sources"):
        build_sources([entry], print)


def bounds():
    for position in range(3):
        yield Parameters(*(LEAST[i] - (i == position) for i in range(3))), 16
        yield Parameters(*(MOST[i] + (i == position) for i in range(3))), 16
    yield CHEAP, 15
    yield CHEAP, 65


@pytest.mark.parametrize(("parameters", "salt"), list(bounds()))
def test_parameters_out_of_bounds_are_refused_before_any_derivation(parameters, salt, monkeypatch):
    monkeypatch.setattr(argon2id, "Argon2id", None)
    with pytest.raises(Tampered):
        derive_from(Secret("x"), parameters, bytes(salt))


def test_parameters_at_the_bounds_are_accepted():
    for parameters, salt in ((LEAST, 16), (MOST, 64), (argon2id.RECOMMENDED, 16)):
        check_parameters(parameters, bytes(salt))


def test_new_slots_are_written_with_the_second_profile_of_rfc_9106():
    assert Parameters(iterations=3, lanes=4, memory=64 * 1024) == argon2id.RECOMMENDED


@pytest.mark.parametrize("how", ["no module", "old OpenSSL"])
def test_without_argon2id_the_source_is_unavailable_by_name(tmp_path, monkeypatch, how):
    def unsupported(**_parameters):
        raise argon2id.UnsupportedAlgorithm("no")

    if how == "no module":
        monkeypatch.setattr(argon2id, "HAS_ARGON2ID", False)
    else:
        monkeypatch.setattr(argon2id, "Argon2id", unsupported)
    with pytest.raises(KeySourceUnavailable, match="Argon2id"):
        a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    assert not document_path(tmp_path).exists()


def test_derivations_take_turns(monkeypatch, tmp_path):
    held = []

    class Watched(argon2id.FileLock):
        def acquire(self):
            super().acquire()
            held.append("taken")

        def release(self):
            held.append("freed")
            super().release()

    monkeypatch.setattr(argon2id, "FileLock", Watched)
    derive_from(Secret("x"), CHEAP, bytes(16))
    assert held == ["taken", "freed"]
    monkeypatch.setattr(argon2id, "LONGEST_TURN", 0.0)
    with argon2id.FileLock(str(keys_directory() / argon2id.LOCK_NAME)), pytest.raises(Timeout):
        derive_from(Secret("x"), CHEAP, bytes(16))


def test_where_no_lock_can_be_written_nobody_waits(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert len(derive_from(Secret("x"), CHEAP, bytes(16))) == 32


def test_a_store_made_from_a_passphrase_is_derived_for_once(tmp_path, monkeypatch):
    derived = []
    original = argon2id.Argon2id
    monkeypatch.setattr(argon2id, "Argon2id", lambda **parameters: derived.append(1) or original(**parameters))
    store = a_store(tmp_path, **with_passphrase("open sesame"))
    store.put(a_record())
    store.put(a_record("other"))
    store.get("db_pass")
    assert len(derived) == 1


def test_a_relative_config_home_is_not_looked_at(monkeypatch, home):
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory as configured

    assert configured() == os.path.join(str(home), ".config", "nebula", "keys")


def test_a_job_of_awx_makes_no_key_in_its_home_and_uses_one_that_is_there(tmp_path, monkeypatch, home):
    monkeypatch.setenv("AWX_HOST", "https://awx.example.com")
    with pytest.raises(InvalidConfiguration) as raised:
        a_store(tmp_path / "job").put(a_record(), create=True)
    assert "the home of a job in AWX" in raised.value.what
    assert list(home.rglob("*.key")) == []
    named = [{"source": "key_file", "path": str(tmp_path / "volume" / "key")}]
    a_store(tmp_path / "named", key_sources=named).put(a_record(), create=True)
    monkeypatch.delenv("AWX_HOST")
    a_store(tmp_path / "other").put(a_record(), create=True)
    monkeypatch.setenv("AWX_HOST", "https://awx.example.com")
    assert value_of(a_store(tmp_path / "other").get("db_pass")) == b"correct horse"
