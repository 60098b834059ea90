# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths in nebula.yml start beside it, so it means the same wherever it is read; those from elsewhere stay as they are."""

from __future__ import annotations

import os

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store

LOCAL = {
    "backend": "local",
    "path": "credentials",
    "backup_path": "../backups",
    "audit_path": "./audit.jsonl",
    "tenant": "a/b",
    "key_sources": [
        {"source": "key_file", "path": "keys/store.key"},
        {"source": "passphrase", "passphrase_file": "passphrase", "label": "a/b"},
        {"source": "passphrase", "passphrase": "not/a/path"},
        {"source": "passphrase", "passphrase_env": "NOT_A_PATH"},
    ],
}


def load(path):
    with open(path, encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def resolved(store, *, file=None, variables=None, option="it"):
    """The configuration of `store`, written into `file` or else into a variable."""
    if file is not None:
        file.write_text(yaml.safe_dump({"stores": {"it": store}}))
    environment = {} if file is None else {"NEBULA_CREDENTIAL_CONFIG": str(file)}
    return resolve_store(option, RunConfig(variables or {}, environment, lambda value: value, load)).config


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The directory that the run starts in; the file is not there."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_relative_paths_in_the_file_start_beside_it(tmp_path, elsewhere):
    found = resolved(LOCAL, file=tmp_path / "nebula.yml")
    assert (found["path"], found["audit_path"]) == (str(tmp_path / "credentials"), str(tmp_path / "audit.jsonl"))
    assert found["backup_path"] == str(tmp_path.parent / "backups")
    sources = found["key_sources"]
    assert [source.get("path", source.get("passphrase_file")) for source in sources[:2]] == [
        str(tmp_path / "keys" / "store.key"),
        str(tmp_path / "passphrase"),
    ]
    assert (found["tenant"], sources[1]["label"], sources[2:]) == ("a/b", "a/b", LOCAL["key_sources"][2:])


def test_paths_of_a_shared_cache_start_beside_the_file_too(tmp_path, elsewhere):
    together = {"url": "rediss://cache", "ca_cert": "ca.pem", "key_sources": [{"source": "key_file", "path": "keys/cache.key"}]}
    placed = resolved({"backend": "memory", "shared_cache": together}, file=tmp_path / "nebula.yml")["shared_cache"]
    assert placed["ca_cert"] == str(tmp_path / "ca.pem")
    assert placed["key_sources"] == [{"source": "key_file", "path": str(tmp_path / "keys/cache.key")}]


def test_each_backends_own_paths_are_meant(tmp_path, elsewhere):
    store = {"backend": "memory", "persist_path": "kept"}
    assert resolved(store, file=tmp_path / "nebula.yml")["persist_path"] == str(tmp_path / "kept")


@pytest.mark.parametrize("path", ["/srv/x", "~/x", "~alice/x", "$HOME/x", "${HOME}/x"])
def test_what_does_not_depend_on_a_directory_stays(tmp_path, elsewhere, path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    assert resolved({"backend": "local", "path": path}, file=tmp_path / "nebula.yml")["path"] == path


def find_files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("variable", ["$KEYS", "${KEYS}"])
@pytest.mark.parametrize("keys", ["whole", "relative"])
def test_a_variable_at_the_beginning_is_resolved_in_a_key_source(tmp_path, elsewhere, monkeypatch, variable, keys):
    monkeypatch.setenv("KEYS", str(tmp_path / "kept") if keys == "whole" else "kept")
    sources = [{"source": "key_file", "path": variable + "/it.key"}]
    open_store(resolved({"backend": "local", "path": "credentials", "key_sources": sources}, file=tmp_path / "nebula.yml")).ensure_key()
    assert "kept/it.key" in find_files(tmp_path)
    assert not list(tmp_path.rglob("*KEYS*"))


def test_a_variable_at_the_beginning_is_resolved_in_the_file_of_a_passphrase(tmp_path, elsewhere, monkeypatch):
    monkeypatch.setenv("KEYS", str(tmp_path))
    (tmp_path / "passphrase").write_text("correct horse")
    (tmp_path / "passphrase").chmod(0o600)
    sources = [{"source": "passphrase", "passphrase_file": "$KEYS/passphrase"}]
    open_store(resolved({"backend": "local", "path": "credentials", "key_sources": sources}, file=tmp_path / "nebula.yml")).ensure_key()
    assert (tmp_path / "credentials" / ".nebula" / "metadata.json").exists()


NOWHERE = "$NOT_SET_ANYWHERE/x"
TRANSIT = {"source": "vault_transit", "url": "https://127.0.0.1:1", "key": "k"}


@pytest.mark.parametrize(
    ("store", "option"),
    [
        ({"backend": "local", "path": NOWHERE}, "path"),
        ({"backend": "local", "audit_path": NOWHERE}, "audit_path"),
        ({"backend": "local", "key_sources": [{"source": "key_file", "path": NOWHERE}]}, "key_sources"),
        ({"backend": "local", "key_sources": [{"source": "passphrase", "passphrase_file": NOWHERE}]}, "key_sources"),
        ({"backend": "local", "key_sources": [{**TRANSIT, "auth": {"token_file": NOWHERE}}]}, "key_sources"),
        ({"backend": "local", "key_sources": [{**TRANSIT, "ca_cert": NOWHERE}]}, "key_sources"),
        (
            {"backend": "local", "shared_cache": {"url": "rediss://127.0.0.1:1", "key_sources": [{"source": "key_file", "path": NOWHERE}]}},
            "shared_cache.key_sources",
        ),
        ({"backend": "vault", "url": "https://127.0.0.1:1", "auth": {"token_file": NOWHERE}}, "auth.token_file"),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["a file", "a variable"])
def test_a_variable_at_the_beginning_has_to_be_set_for_every_path(tmp_path, elsewhere, store, option, place):
    where = {"file": tmp_path / "nebula.yml"} if place == "a file" else {"variables": {"nebula_credential_stores": {"it": store}}}
    with pytest.raises(InvalidConfiguration, match="the environment variable at the beginning") as caught:
        open_store(resolved(store, **where)).ensure_key()
    assert caught.value.option == option
    assert not list(tmp_path.rglob("*NOT_SET*"))


def test_a_file_that_is_named_by_a_relative_path_is_found_from_where_the_run_starts(tmp_path, elsewhere):
    (elsewhere / "conf").mkdir()
    (elsewhere / "conf" / "nebula.yml").write_text(yaml.safe_dump({"stores": {"it": LOCAL}}))
    around = RunConfig({}, {"NEBULA_CREDENTIAL_CONFIG": "conf/nebula.yml"}, lambda value: value, load)
    assert resolve_store("it", around).config["path"] == str(elsewhere / "conf" / "credentials")


def test_paths_of_a_variable_and_of_a_mapping_stay_as_they_are(tmp_path, elsewhere):
    """Ansible takes paths in a module's arguments from the current directory; a variable of that name wins over the file's store."""
    variables = {"nebula_credential_stores": {"it": dict(LOCAL, path="of/a/variable")}}
    file = tmp_path / "nebula.yml"
    assert resolved(LOCAL, file=file, variables=variables)["path"] == "of/a/variable"
    assert resolved(LOCAL, file=file, option=LOCAL) == LOCAL


@pytest.mark.parametrize(
    "store",
    [
        {"path": "x"},
        {"backend": ["local"], "path": "x"},
        {"backend": "vautl", "path": "x"},
        {"backend": "local", "path": ["x"], "key_sources": "x"},
        {"backend": "local", "path": None, "audit_path": 5, "key_sources": ["x", {"path": 3}, {"path": None}]},
    ],
    ids=str,
)
def test_what_is_wrong_is_left_for_the_stores_own_checks(tmp_path, elsewhere, store):
    assert resolved(store, file=tmp_path / "nebula.yml") == store


def test_a_store_of_the_file_is_the_same_from_every_directory(tmp_path, elsewhere, monkeypatch):
    """Also what it makes: nothing is left where the run happened to start."""
    store = {"backend": "local", "path": "credentials", "key_sources": [{"source": "key_file", "path": "keys/it.key"}]}
    open_store(resolved(store, file=tmp_path / "nebula.yml")).ensure_key()
    assert (tmp_path / "keys" / "it.key").exists()
    assert (tmp_path / "credentials" / ".nebula" / "metadata.json").exists()
    assert os.listdir(elsewhere) == []


def test_files_that_hold_a_login_start_beside_the_file_too(tmp_path, elsewhere):
    login = {"method": "approle", "role_id": "a/b", "secret_id_file": "secret-id"}
    transit = {
        "source": "vault_transit",
        "url": "https://vault.example.com",
        "key": "a",
        "ca_cert": "ca.pem",
        "auth": {"token_file": "token"},
    }
    found = resolved({"backend": "vault", "auth": login, "ca_cert": "ca.pem", "key_sources": [transit]}, file=tmp_path / "nebula.yml")
    placed = found["key_sources"][0]
    assert found["auth"] == dict(login, secret_id_file=str(tmp_path / "secret-id"))
    assert (placed["auth"]["token_file"], placed["ca_cert"]) == (str(tmp_path / "token"), str(tmp_path / "ca.pem"))
    assert (found["ca_cert"], placed["url"]) == (str(tmp_path / "ca.pem"), transit["url"])
    assert resolved({"backend": "vault", "auth": "no mapping"}, file=tmp_path / "nebula.yml")["auth"] == "no mapping"
