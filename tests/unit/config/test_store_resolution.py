# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store a run means, and what is said when that cannot be told."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import check_may_leave
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.config.mirrors import resolve_mirrors
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store

FILE = """
default: staging
stores:
  staging: {backend: local, path: /srv/staging}
  prod: {backend: local, path: /srv/prod}
"""

STORES = {name: {"backend": "local"} for name in ("staging", "prod")}


def load(path):
    with open(path, encoding="utf-8") as stream:
        return yaml.safe_load(stream)


@pytest.fixture
def project(tmp_path):
    """A directory with an ansible.cfg and a nebula.yml."""
    (tmp_path / "ansible.cfg").write_text("[nebula_credential]\nstore = prod ; the one line\n")
    (tmp_path / "nebula.yml").write_text(FILE)
    return tmp_path


def around(tmp_path, *, variables=None, environment=None, cfg=None, template=lambda value: value):
    return RunConfig(
        variables=variables or {},
        environment={"HOME": str(tmp_path / "home"), **(environment or {})},
        template=template,
        load=load,
        ansible_cfg=str(cfg) if cfg else None,
    )


def test_with_nothing_configured_it_is_the_local_store(tmp_path):
    found = resolve_store(None, around(tmp_path))
    assert (found.name, found.config) == ("local", {"backend": "local"})


def test_each_place_wins_over_the_next(project):
    """The option, the variable, the environment, ansible.cfg, the file's default."""
    cfg = project / "ansible.cfg"
    stores = {name: {"backend": "local"} for name in ("option", "variable", "environment")}
    variables = {"nebula_credential_stores": stores, "nebula_credential_store": "variable"}
    environment = {"NEBULA_CREDENTIAL_STORE": "environment"}
    assert resolve_store("option", around(project, variables=variables, environment=environment, cfg=cfg)).name == "option"
    assert resolve_store(None, around(project, variables=variables, environment=environment, cfg=cfg)).name == "variable"
    del variables["nebula_credential_store"]
    assert resolve_store(None, around(project, variables=variables, environment=environment, cfg=cfg)).name == "environment"
    assert resolve_store(None, around(project, variables=variables, cfg=cfg)).name == "prod"
    cfg.write_text("[defaults]\n")
    assert resolve_store(None, around(project, variables=variables, cfg=cfg)).name == "staging"


def test_the_file_is_searched_where_told_then_beside_ansible_cfg_then_at_home(project, tmp_path):
    home = tmp_path / "home" / ".nebula"
    home.mkdir(parents=True)
    (home / "nebula.yml").write_text("default: at_home\nstores: {at_home: {backend: local}}")
    told = tmp_path / "told.yml"
    told.write_text("default: told\nstores: {told: {backend: local}}")
    cfg = project / "ansible.cfg"
    cfg.write_text("[defaults]\n")
    assert resolve_store(None, around(tmp_path, cfg=cfg, environment={"NEBULA_CREDENTIAL_CONFIG": str(told)})).name == "told"
    assert resolve_store(None, around(tmp_path, cfg=cfg)).name == "staging"
    assert resolve_store(None, around(tmp_path)).name == "at_home"


def test_a_file_in_the_current_directory_without_ansible_cfg_is_not_read(project, monkeypatch):
    """Whoever can write a directory must not decide where somebody's secrets go."""
    monkeypatch.chdir(project)
    assert resolve_store(None, around(project)).name == "local"


def test_a_whole_mapping_is_taken_as_it_is(tmp_path):
    found = resolve_store({"backend": "memory", "name": "scratch"}, around(tmp_path))
    assert (found.name, found.config) == ("scratch", {"backend": "memory"})
    assert resolve_store({"backend": "memory"}, around(tmp_path)).name == "inline"


def test_a_mapping_may_come_as_text(tmp_path):
    """As it does from a command line and from the environment."""
    text = "{'backend': 'memory', 'key_sources': [{'source': 'passphrase', 'passphrase': 'p'}]}"
    assert resolve_store(text, around(tmp_path)).config["key_sources"][0]["passphrase"] == "p"
    assert resolve_store(None, around(tmp_path, environment={"NEBULA_CREDENTIAL_STORE": '{"backend": "memory"}'})).name == "inline"


@pytest.mark.parametrize(
    "option", ["{'passphrase': canary", "canary canary", "../canary", "c" * 65, "{'backend': 'memory', 'name': '../canary'}"]
)
def test_what_is_no_name_is_not_shown(tmp_path, option):
    """It may be a configuration, with a login in it; and a name becomes part of a path."""
    with pytest.raises(InvalidConfiguration, match="option 'store") as caught:
        resolve_store(option, around(tmp_path))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "", 5])
def test_a_store_cannot_be_called_anything(tmp_path, name):
    with pytest.raises(InvalidConfiguration, match="nebula_credential_stores"):
        resolve_store(None, around(tmp_path, variables={"nebula_credential_stores": {name: {"backend": "memory"}}}))


def test_variables_are_templated_and_win_over_the_file(project):
    stores = {"prod": {"backend": "local", "path": "{{ base }}/p"}}
    templated = around(
        project,
        variables={"nebula_credential_stores": stores},
        cfg=project / "ansible.cfg",
        template=lambda value: {"prod": {"backend": "local", "path": "/srv/x/p"}} if value is stores else value,
    )
    assert resolve_store(None, templated).config["path"] == "/srv/x/p"


@pytest.mark.parametrize(
    ("variables", "facts", "named"),
    [
        ({"nebula_credential_store": "staging"}, {"nebula_credential_store": "staging"}, "nebula_credential_store"),
        ({"nebula_credential_stores": {"prod": {"backend": "local"}}}, {"nebula_credential_stores": {}}, "nebula_credential_stores"),
        ({"ansible_hashi_vault_url": "https://vault.example.com"}, {"hashi_vault_url": "of another"}, "ansible_hashi_vault_url"),
        ({"ansible_hashi_vault_validate_certs": False}, {"hashi_vault_validate_certs": False}, "ansible_hashi_vault_validate_certs"),
    ],
)
def test_a_host_does_not_choose_by_its_facts_where_a_login_is_sent(tmp_path, variables, facts, named):
    """A host that was taken over says what it likes when facts are gathered, and facts go before the variables of an inventory."""
    option = None if "stores" not in named and "vault" not in named else {"backend": "vault"} if "vault" in named else "prod"
    with pytest.raises(InvalidConfiguration, match="option '{0}'.*a fact of the host".format(named)):
        resolve_store(option, around(tmp_path, variables={**variables, "ansible_facts": facts}))
    resolve_store(
        option, around(tmp_path, variables={**variables, "ansible_facts": {"hostname": "web1"}, "nebula_credential_stores": STORES})
    )


def test_an_unknown_store_is_named_with_the_place_and_the_list(project):
    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store("porduction", around(project, cfg=project / "ansible.cfg"))
    assert str(caught.value).startswith("option 'store': there is no store 'porduction'. Known stores: local, prod, staging.")
    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store(None, around(project, environment={"NEBULA_CREDENTIAL_STORE": "nope"}))
    assert "NEBULA_CREDENTIAL_STORE" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("- a list", "not a mapping"),
        ("", "it is empty"),
        ("# stores: {}\n---\n", "it is empty"),
        ("stores:\n  # team: {backend: local}\n", "'stores' in"),
        ("default:\nstores: {}", "'default' in"),
        ("stores: []", "stores are a mapping"),
        ("stroes: {}", "stroes"),
        ("default: [a]", "'default'"),
        ("stores: [a]", "stores are a mapping"),
        ("{ not: yaml", "not valid YAML at line 1, column 12"),
        ("stores: {staging: nothing}\ndefault: staging", "not a mapping"),
        ("default: gone", "there is no store 'gone'"),
    ],
)
def test_a_file_that_is_not_in_order_is_refused_by_name(tmp_path, content, complaint):
    path = tmp_path / "broken.yml"
    path.write_text(content)
    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store(None, around(tmp_path, environment={"NEBULA_CREDENTIAL_CONFIG": str(path)}))
    assert complaint in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_empty_file_next_to_ansible_cfg_is_refused_too(project):
    """A failed `sops --decrypt > nebula.yml` leaves one. Another store must not get the secrets."""
    (project / "nebula.yml").write_text("")
    (project / "ansible.cfg").write_text("[defaults]\n")
    with pytest.raises(InvalidConfiguration, match="it is empty") as caught:
        resolve_store(None, around(project, cfg=project / "ansible.cfg"))
    assert str(project / "nebula.yml") in str(caught.value)


def test_a_file_without_settings_is_written_as_an_empty_mapping(tmp_path):
    (tmp_path / "nebula.yml").write_text("{}\n")
    assert resolve_store(None, around(tmp_path, environment={"NEBULA_CREDENTIAL_CONFIG": str(tmp_path / "nebula.yml")})).name == "local"


def test_a_file_that_was_told_and_is_missing_is_an_error(tmp_path):
    with pytest.raises(InvalidConfiguration, match="NEBULA_CREDENTIAL_CONFIG"):
        resolve_store(None, around(tmp_path, environment={"NEBULA_CREDENTIAL_CONFIG": "/nowhere/nebula.yml"}))


@pytest.mark.parametrize("option", [["a"], 5])
def test_a_store_of_another_kind_is_refused(tmp_path, option):
    with pytest.raises(InvalidConfiguration, match="option 'store': a store is a name or a mapping"):
        resolve_store(option, around(tmp_path))


def test_what_a_template_error_says_is_kept_out(tmp_path):
    """Its text may quote a neighbour's value."""

    def fail(value):
        raise RuntimeError("canary-3f9a")

    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store(None, around(tmp_path, variables={"nebula_credential_store": "{{ x }}"}, template=fail))
    assert "canary" not in str(caught.value)
    assert "RuntimeError" in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_configuration_is_in_no_repr(tmp_path):
    assert "hidden" not in repr(resolve_store({"backend": "memory", "password": "hidden"}, around(tmp_path)))


def test_a_store_that_is_given_and_empty_is_not_another_one(project):
    """Also in the variable: an empty one must not lead to the configured store."""
    with pytest.raises(InvalidConfiguration, match="option 'store': the value is not a store's name"):
        resolve_store("", around(project, cfg=project / "ansible.cfg"))
    with pytest.raises(InvalidConfiguration, match="option 'nebula_credential_store': the value is not a store's name"):
        resolve_store(None, around(project, cfg=project / "ansible.cfg", variables={"nebula_credential_store": ""}))
    assert resolve_store({}, around(project, cfg=project / "ansible.cfg")).config == {}


@pytest.mark.parametrize("line", ["stor = prod", "path = /srv/x", "stores = {}"])
def test_an_unknown_key_in_ansible_cfg_is_refused_by_its_name(project, line):
    (project / "ansible.cfg").write_text("[DEFAULT]\nany = 1\n[nebula_credential]\n{0}\n".format(line))
    with pytest.raises(InvalidConfiguration) as caught:
        resolve_store(None, around(project, cfg=project / "ansible.cfg"))
    assert "has no key '{0}'. It takes: store, session.".format(line.split()[0]) in str(caught.value)


REFRESHING = {"backend": "local", "refreshes": {"door": {"command": ["renew-door"]}}}


def test_only_a_store_of_the_file_says_how_values_are_refreshed(project):
    """It may run a command. A variable, a task and the environment may come from people who may not."""
    cfg = project / "ansible.cfg"
    (project / "nebula.yml").write_text(yaml.safe_dump({"stores": {"prod": REFRESHING}}))
    found = resolve_store("prod", around(project, cfg=cfg))
    assert found.config == REFRESHING
    variables = {"nebula_credential_stores": {"prod": REFRESHING}}
    for option, given in (("prod", variables), (REFRESHING, {})):
        with pytest.raises(InvalidConfiguration, match=r"only a store that nebula\.yml defines can have it") as caught:
            resolve_store(option, around(project, variables=given, cfg=cfg))
        assert caught.value.option == "refreshes"
    with pytest.raises(InvalidConfiguration, match="carried out on the controller only"):
        check_may_leave(found)


HSM = {"backend": "memory", "key_sources": [{"source": "pkcs11", "library": "/tmp/any.so", "token": "t", "key": "k"}]}


@pytest.mark.parametrize(
    "store", [HSM, {"backend": "memory", "fallback_copy": {"path": "copies", "key_sources": HSM["key_sources"]}}], ids=["store", "copies"]
)
def test_the_library_of_an_hsm_is_named_or_allowed_by_the_file_alone(project, store):
    """It runs in the process that opens the store."""
    for option, variables in (("hsm", {"nebula_credential_stores": {"hsm": store}}), (store, {})):
        with pytest.raises(InvalidConfiguration, match="the key source 'pkcs11' runs code that is not of this collection"):
            resolve_store(option, around(project, variables=variables, cfg=project / "ansible.cfg"))
    (project / "nebula.yml").write_text(yaml.safe_dump({"extensions": ["pkcs11"]}))
    assert resolve_store(store, around(project, cfg=project / "ansible.cfg")).config["key_sources" if store is HSM else "fallback_copy"]
    (project / "nebula.yml").write_text(yaml.safe_dump({"stores": {"hsm": HSM}}))
    assert resolve_store("hsm", around(project, cfg=project / "ansible.cfg")).config["key_sources"]


@pytest.mark.parametrize("source", ["ansible_vault", "keyring", "memory", "pkcs11"])
def test_a_store_whose_key_is_on_the_controller_stays_there(project, source):
    (project / "nebula.yml").write_text(yaml.safe_dump({"stores": {"own": {"backend": "memory", "key_sources": [{"source": source}]}}}))
    with pytest.raises(InvalidConfiguration, match="which stays on the controller") as refusal:
        check_may_leave(resolve_store("own", around(project, cfg=project / "ansible.cfg")))
    assert refusal.value.option == "run_on"


@pytest.mark.parametrize("option", ["mirror", "fallback_copy"])
def test_a_store_with_copies_stays_on_the_controller(project, option):
    """A host would make a key, and copies that nobody looks for there."""
    given = {"mirror": ["spare"], "fallback_copy": {"path": "copies", "max_age": "1d", "key_sources": [{"source": "key_file"}]}}
    prod = {"backend": "memory", "key_sources": [{"source": "passphrase", "passphrase_env": "P"}], option: given[option]}
    variables = {"nebula_credential_stores": {"prod": prod, "spare": {"backend": "memory"}}}
    around_it = around(project, variables=variables, cfg=project / "ansible.cfg")
    found = resolve_mirrors(resolve_store("prod", around_it), around_it)
    with pytest.raises(InvalidConfiguration, match="of its '{0}' are ".format(option)) as caught:
        check_may_leave(found)
    assert caught.value.option == "run_on"


def with_factor(store):
    return {"backend": "aws", "role_arn": "arn", "mfa_serial": "s", "mfa_credential": {"store": store, "name": "factor"}}


def test_the_store_of_a_logins_credential_is_resolved_and_its_secrets_are_known(project):
    cfg = project / "ansible.cfg"
    keys = {"backend": "local", "path": "keys", "key_sources": [{"source": "passphrase", "passphrase": "c4n4ry"}]}
    (project / "nebula.yml").write_text(yaml.safe_dump({"stores": {"prod": with_factor("keys"), "keys": keys}}))
    found = resolve_store("prod", around(project, cfg=cfg))
    assert found.config["mfa_credential"] == {"store": {**keys, "name": "keys", "path": str(project / "keys")}, "name": "factor"}
    assert [secret.expose() for secret in secrets_of(found.config)] == [b"c4n4ry"]
    with pytest.raises(InvalidConfiguration, match="its login needs a credential of a store on the controller"):
        check_may_leave(found)


def test_a_login_needs_no_third_store(project):
    cfg = project / "ansible.cfg"
    (project / "nebula.yml").write_text(yaml.safe_dump({"stores": {"prod": with_factor("other"), "other": with_factor("prod")}}))
    with pytest.raises(InvalidConfiguration, match="Keep that one in a store whose login needs none"):
        resolve_store("prod", around(project, cfg=cfg))


@pytest.mark.parametrize("named", ["factor", {"name": "factor"}, {"store": "keys", "name": "factor", "filed": "code"}])
def test_what_names_no_credential_of_a_store_is_refused(project, named):
    config = dict(with_factor("keys"), mfa_credential=named)
    with pytest.raises(InvalidConfiguration, match="it names no credential"):
        resolve_store(config, around(project, cfg=project / "ansible.cfg"))
