# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store with `security: strict`: each option that loosens something is refused by its name, and a description shows what holds."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends import registry
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import inline_store
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.security import (
    ENCRYPTED_AT_REST,
    RULES,
    check_encrypted,
    describe_security,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import check_may_leave
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from tests.unit.store.managing import ask, create

DATABASE = {"backend": "database", "url": "postgresql://app@db.example.com/app"}
VAULT = {"backend": "vault", "url": "https://vault.example.com:8200", "auth": {"token": "t0p-s3cret"}}
LOOSENED = {
    "a trail in batches": ({"backend": "local", "audit": "batched"}, "audit"),
    "no trail": ({"backend": "local", "audit": "off"}, "audit"),
    "plain files": ({"backend": "local", "format": "json", "allow_plaintext": True}, "allow_plaintext"),
    "plain HTTP": ({**VAULT, "url": "http://vault.example.com:8200", "allow_insecure_transport": True}, "allow_insecure_transport"),
    "an unknown server": ({**VAULT, "verify": False}, "verify"),
    "an unknown server by another name of the option": ({**VAULT, "validate_certs": "no"}, "verify"),
    "a database without TLS": ({**DATABASE, "allow_insecure_transport": "yes"}, "allow_insecure_transport"),
    "an unknown server of a key": (
        {"backend": "local", "key_sources": [{"source": "vault_transit", "key": "k", "url": "https://v.example.com", "verify": False}]},
        "key_sources.verify",
    ),
    "an unknown server of a key, as a number": (
        {"backend": "local", "key_sources": [{"source": "vault_transit", "key": "k", "url": "https://v.example.com", "verify": 0.0}]},
        "key_sources.verify",
    ),
    "plain Redis for shared values": (
        {"backend": "local", "shared_cache": {"url": "redis://cache.example.com", "allow_insecure_transport": True}},
        "shared_cache.allow_insecure_transport",
    ),
    "a lock over plain Redis": (
        {**VAULT, "lock": {"kind": "redis", "url": "redis://cache.example.com", "allow_insecure_transport": True}},
        "lock.allow_insecure_transport",
    ),
    "a copy in which a server is unknown": (
        {"backend": "local", "mirror": [{"to": {**VAULT, "validate_certs": False}}]},
        "mirror.to.validate_certs",
    ),
    "a copy for outages": ({**VAULT, "fallback_copy": {"max_age": "1h", "key_sources": [{"source": "key_file"}]}}, "fallback_copy"),
    "messages of a program": ({"backend": "custom", "command": ["/bin/true"], "show_messages": True}, "show_messages"),
    "types of other parties": ({"backend": "local", "types": ["other.collection.token"]}, "types"),
}


@pytest.mark.parametrize(("config", "option"), LOOSENED.values(), ids=LOOSENED)
def test_what_loosens_something_is_refused_by_name_and_nothing_is_opened(tmp_path, config, option):
    place = {"path": str(tmp_path / "store")} if config["backend"] == "local" else {}
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({**config, **place, "security": "strict"}, name="prod")
    assert (caught.value.option, caught.value.store) == (option, "prod")
    assert "the store is strict" in str(caught.value)
    assert "t0p-s3cret" not in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_a_backend_of_another_party_is_refused(monkeypatch):
    monkeypatch.setitem(registry._added, "theirs", (BackendTraits(spec=Memory.options), lambda: Memory))
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({"backend": "theirs", "security": "strict"})
    assert caught.value.option == "backend"


def test_a_strict_store_works_and_records_each_read_before_it_is_served(stores):
    manager = stores.local("store", security="strict")
    create(manager)
    assert manager.trail.strict
    assert ask(manager, "get", name="db").result


def test_a_backend_that_does_not_encrypt_needs_a_store_that_does():
    check_encrypted(Capabilities(native=True), True)
    check_encrypted(Capabilities(native=True, server_side_encryption=True), False)
    with pytest.raises(InvalidConfiguration) as caught:
        check_encrypted(Capabilities(native=True), False)
    assert caught.value.option == "encrypt"


@pytest.mark.parametrize(
    ("operation", "parameters", "option"),
    [
        ("credential", {"name": "db", "state": "present", "return_value": True}, "return_value"),
        ("credential", {"credentials": [{"name": "db"}, {"name": "x", "return_value": True}]}, "return_value"),
        ("credential_rotate", {"name": "db", "command": {"secret_in": "environment"}}, "command.secret_in"),
        ("credential_rotate", {"name": "db", "redis": {"allow_insecure_transport": True}}, "redis.allow_insecure_transport"),
        ("credential_rotate", {"name": "db", "target_options": {"verify": False}}, "target_options.verify"),
        ("credential_rotate", {"name": "db", "http": {"allow_plain_http": True}}, "http.allow_plain_http"),
        ("credential_rotate", {"name": "db", "postgresql": {"ssl_mode": "disable"}}, "postgresql.ssl_mode"),
        (
            "credential_rotate",
            {"name": "db", "postgresql": {"connect_params": {"sslmode": "prefer"}}},
            "postgresql.connect_params.sslmode",
        ),
    ],
)
def test_an_option_of_a_task_that_loosens_something_is_refused(stores, operation, parameters, option):
    manager = stores.local("store", security="strict")
    create(manager)
    before = ask(manager, "get", name="db").result
    with pytest.raises(InvalidInput) as caught:
        ask(manager, operation, **parameters)
    assert caught.value.option == option
    assert ask(manager, "get", name="db").result == before


def test_each_option_of_a_target_that_allows_something_is_refused(stores):
    manager = stores.local("store", security="strict")
    create(manager)
    found = [(kind, name) for kind, target in TARGETS.items() for name in target.options if name.startswith("allow_")]
    assert ("http", "allow_plain_http") in found
    for kind, name in found:
        with pytest.raises(InvalidInput, match="the store is strict"):
            ask(manager, "credential_rotate", name="db", **{kind: {name: True}})


def test_a_field_of_a_credential_may_have_any_name(stores):
    manager = stores.local("store", security="strict")
    ask(manager, "credential", name="db", state="present", fields={"verify": "false", "secret_in": "environment"})
    assert ask(manager, "get", name="db", field="verify").result


def test_a_strict_store_is_not_sent_to_a_host():
    store = inline_store(
        {"backend": "local", "path": "/srv/x", "security": "strict", "key_sources": [{"source": "key_file", "path": "/k"}]}
    )
    with pytest.raises(InvalidConfiguration, match="is strict") as caught:
        check_may_leave(store)
    assert caught.value.option == "run_on"


@pytest.mark.parametrize("option", ["linger", "serve_stale"])
def test_a_session_that_keeps_more_opens_no_strict_store(tmp_path, option):
    stores = RequestHandler({option: 60.0})._stores
    config = {"backend": "local", "path": str(tmp_path / "store")}
    with pytest.raises(InvalidConfiguration) as caught:
        stores.manager("prod", {**config, "security": "strict"})
    assert (caught.value.option, caught.value.store) == ("session." + option, "prod")
    assert stores.manager("dev", config).store == "dev"


def test_the_description_shows_what_holds_and_which_option_loosens_it(stores):
    strict = ask(stores.local("strict", security="strict"), "store_info").result["security"]
    assert strict == {
        "mode": "strict",
        "holds": dict.fromkeys([rule.name for rule in RULES] + [ENCRYPTED_AT_REST], True),
        "loosened_by": [],
    }
    usual = ask(stores.local("usual"), "store_info").result["security"]
    assert (usual["mode"], usual["loosened_by"]) == ("standard", ["audit"])
    assert [name for name, holds in usual["holds"].items() if not holds] == ["strict_audit"]


def test_the_description_of_a_plain_store_names_all_that_is_loose():
    options = {"audit": "off", "allow_plaintext": True, "encrypt": False, "verify": False, "fallback_copy": {}, "security": "standard"}
    described = describe_security(options, Capabilities(native=True))
    assert described["loosened_by"] == ["audit", "allow_plaintext", "verify", "fallback_copy", "encrypt"]
