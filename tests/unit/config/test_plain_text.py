# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates, and mistakes of YAML, in places that Ansible does not resolve."""

from __future__ import annotations

import json

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store, session_settings

TEMPLATE = "{{ canary_6e0a }}"


def around(tmp_path, content="", environment=None, variables=None, cfg=None, warn=print):
    (tmp_path / "told.yml").write_text(content, encoding="utf-8")
    told = {"NEBULA_CREDENTIAL_CONFIG": str(tmp_path / "told.yml")} if content else {}
    return RunConfig(
        variables or {},
        {"HOME": str(tmp_path), **told, **(environment or {})},
        lambda value: value,
        DataLoader().load_from_file,
        cfg,
        warn=warn,
    )


def refused(option, surroundings):
    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store(option, surroundings)
    assert "canary_6e0a" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("store", "option"),
    [
        ({"backend": "vault", "auth": {"method": "approle", "secret_id": TEMPLATE}}, "auth.secret_id"),
        ({"backend": "local", "path": "{% if x %}a{% endif %}"}, "path"),
        ({"backend": "local", "key_sources": [{"source": "passphrase", "passphrase": TEMPLATE}]}, "key_sources.passphrase"),
        ({"backend": "database", "url": "postgresql://u:" + TEMPLATE + "@h/d"}, "url"),
    ],
)
def test_a_template_in_nebula_yml_is_refused_with_the_ways_to_do_it(tmp_path, store, option):
    error = refused("prod", around(tmp_path, json.dumps({"stores": {"prod": store}})))
    assert (error.option, error.store) == (option, "prod")
    assert "told.yml" in error.what
    for way in ("nebula_credential_stores", "_file", "_env"):
        assert way in error.remedy


def test_a_template_is_refused_wherever_none_is_resolved(tmp_path):
    inline = json.dumps({"backend": "local", "path": TEMPLATE})
    assert "NEBULA_CREDENTIAL_STORE" in refused(None, around(tmp_path, environment={"NEBULA_CREDENTIAL_STORE": inline})).what
    cfg = tmp_path / "ansible.cfg"
    cfg.write_text("[nebula_credential]\nstore = {0}\n".format(TEMPLATE), encoding="utf-8")
    assert "[nebula_credential] store" in refused(None, around(tmp_path, cfg=str(cfg))).what
    assert refused(None, around(tmp_path, json.dumps({"default": TEMPLATE}))).option == "default"
    with pytest.raises(InvalidConfiguration, match="session"):
        session_settings(around(tmp_path, json.dumps({"session": {"ttl": TEMPLATE}})))
    with pytest.raises(InvalidConfiguration, match="session"):
        session_settings(around(tmp_path, environment={"NEBULA_CREDENTIAL_SESSION": TEMPLATE}))


def test_braces_that_came_out_of_a_template_are_text(tmp_path):
    store = {"backend": "memory", "key_sources": [{"source": "passphrase", "passphrase": TEMPLATE}]}
    assert resolve_store(store, around(tmp_path)).config == store
    assert resolve_store("s", around(tmp_path, variables={"nebula_credential_stores": {"s": store}})).config == store


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [("stores:\n  prod: {backend: local\n", 3, 1), ("a: b: c\n", 1, 5), ("stores:\n  prod:\n\tbackend: local\n", 3, 1)],
)
def test_a_mistake_of_yaml_is_told_by_line_and_column(tmp_path, content, line, column):
    error = refused("prod", around(tmp_path, content))
    assert "told.yml is not valid YAML at line {0}, column {1}".format(line, column) in error.what


def test_an_encrypted_file_without_its_password_says_so(tmp_path):
    error = refused("prod", around(tmp_path, "$ANSIBLE_VAULT;1.1;AES256\n3061\n"))
    assert "no vault password of this run opens it" in error.what


def test_a_file_of_the_current_directory_that_is_not_read_is_warned_of(tmp_path, monkeypatch):
    here = tmp_path / "project"
    here.mkdir()
    (here / "nebula.yml").write_text("default: prod", encoding="utf-8")
    monkeypatch.chdir(here)
    warned = []
    assert resolve_store(None, around(tmp_path, warn=warned.append)).name == "local"
    assert str(here / "nebula.yml") in warned[0]
    assert "NEBULA_CREDENTIAL_CONFIG=" in warned[0]
    elsewhere = tmp_path / "ansible.cfg"
    elsewhere.write_text("", encoding="utf-8")
    assert resolve_store(None, around(tmp_path, cfg=str(elsewhere), warn=warned.append)).name == "local"
    assert len(warned) == 2
    assert str(elsewhere) in warned[1]


def test_a_file_that_is_read_is_not_warned_of(tmp_path, monkeypatch):
    (tmp_path / "nebula.yml").write_text("stores: {prod: {backend: local}}", encoding="utf-8")
    (tmp_path / "ansible.cfg").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    warned = []
    found = resolve_store("prod", around(tmp_path, cfg=str(tmp_path / "ansible.cfg"), warn=warned.append))
    assert (found.file, warned) == (str(tmp_path / "nebula.yml"), [])
    monkeypatch.chdir(tmp_path.parent)
    resolve_store("prod", around(tmp_path, cfg=str(tmp_path / "ansible.cfg"), warn=warned.append))
    assert warned == []
