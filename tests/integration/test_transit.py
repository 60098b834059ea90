# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `vault_transit` on a real OpenBao: what opens a store is a key that never leaves the server."""

from __future__ import annotations

import base64
import logging
import multiprocessing
import socket
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import key_slots as slots
from ansible_collections.nebula.credential.plugins.module_utils.crypto import store_document
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    WrongPassphrase,
)
from tests.servers import once, openbao, processes
from tests.unit.crypto.sealed_stores import a_record, a_store, document_path, keys_directory, the_key_file, value_of

STORE_ID = bytes(range(16))
POLICY = (Path(__file__).parents[2] / "docs" / "policies" / "vault-transit.hcl").read_text(encoding="utf-8")


@pytest.fixture
def server():
    """The server, with a Transit engine."""
    started = once.openbao()
    started.enable("transit", "transit")
    return started


@pytest.fixture
def key(server, request):
    """A key of this test's own."""
    name = "k{0:x}".format(hash(request.node.nodeid) & 0xFFFFFFFF)
    server.call("POST", "transit/keys/" + name)
    return name


def policy(key):
    """What the documentation says that a store needs."""
    return POLICY.replace('crypt/nebula"', 'crypt/{0}"'.format(key))


def entry(server, key, **options):
    """An entry of `key_sources`, with a login that may use that key alone."""
    token = server.token(server.policy("transit-" + key, policy(key)), no_default_policy=True)
    return dict({"source": "vault_transit", "url": server.url, "key": key, "auth": {"token": token}}, **options)


def sources(*entries):
    return {"key_sources": list(entries)}


def source(server, key, **options):
    (built,) = build_sources([entry(server, key, **options)], print)
    return built


def move_home(monkeypatch, directory):
    """Another machine, which has the store and nothing beside it."""
    directory.mkdir()
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(directory / ".config"))


def test_a_store_is_opened_on_another_machine_by_the_server_alone(server, key, tmp_path, monkeypatch):
    a_store(tmp_path, **sources(entry(server, key))).put(a_record())
    assert not list(keys_directory().glob("*.key"))
    move_home(monkeypatch, tmp_path / "other")
    assert value_of(a_store(tmp_path, **sources(entry(server, key))).get("db_pass")) == b"correct horse"


def test_either_of_two_sources_opens_and_one_can_be_dropped(server, key, tmp_path):
    both = sources({"source": "key_file"}, entry(server, key))
    a_store(tmp_path, **both).put(a_record())
    the_key_file().unlink()
    assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    a_store(tmp_path, drop_sources=["key_file"], **sources(entry(server, key))).get("db_pass")
    with pytest.raises(MissingKey, match=r"It can be opened with: 'vault_transit' \(transit/{0}\)".format(key)):
        a_store(tmp_path).get("db_pass")


def test_a_transit_source_can_be_added_and_dropped_again(server, key, tmp_path):
    a_store(tmp_path).put(a_record())
    a_store(tmp_path, **sources({"source": "key_file"}, entry(server, key))).get("db_pass")
    assert value_of(a_store(tmp_path, **sources(entry(server, key))).get("db_pass")) == b"correct horse"
    a_store(tmp_path, drop_sources=["vault_transit:transit/" + key]).get("db_pass")
    with pytest.raises(MissingKey, match="no configured key source has a slot"):
        a_store(tmp_path, **sources(entry(server, key))).get("db_pass")


def test_a_rotation_of_the_master_key_makes_a_new_secret_with_the_newest_version(server, key, tmp_path):
    store = a_store(tmp_path, **sources(entry(server, key)))
    store.put(a_record())
    server.call("POST", "transit/keys/{0}/rotate".format(key))
    assert value_of(a_store(tmp_path, **sources(entry(server, key))).get("db_pass")) == b"correct horse"
    before = ciphertexts(tmp_path)
    store.rotate_master_key(compromised=True)
    after = ciphertexts(tmp_path)
    assert [text.split(b":")[1] for text in before + after] == [b"v1", b"v2"]
    server.call("POST", "transit/keys/{0}/config".format(key), {"min_decryption_version": 2})
    assert value_of(a_store(tmp_path, **sources(entry(server, key))).get("db_pass")) == b"correct horse"


def ciphertexts(directory):
    """What the store's slots hold of their secrets."""
    document = store_document.read_document(document_path(directory).read_bytes())
    read = [slots.read_slot(data) for data in document.slots]
    return [slot.terms.salt for slot in read if slot.terms.source == "vault_transit"]


def test_a_version_that_is_no_longer_decrypted_is_told_with_what_to_do(server, key, tmp_path):
    a_store(tmp_path, **sources(entry(server, key))).put(a_record())
    server.call("POST", "transit/keys/{0}/rotate".format(key))
    server.call("POST", "transit/keys/{0}/config".format(key), {"min_decryption_version": 2})
    with pytest.raises(KeySourceUnavailable, match=r"version 1 of its key.*min_decryption_version=1"):
        a_store(tmp_path, **sources(entry(server, key))).get("db_pass")
    a_store(tmp_path / "new", **sources(entry(server, key))).put(a_record())


def test_a_key_that_was_deleted_is_told_from_one_that_was_made_again(server, key, tmp_path):
    a_store(tmp_path, **sources(entry(server, key))).put(a_record())
    server.call("POST", "transit/keys/{0}/config".format(key), {"deletion_allowed": True})
    server.call("DELETE", "transit/keys/" + key)
    with pytest.raises(MissingKey, match="there is no Transit key '{0}' at 'transit'".format(key)):
        a_store(tmp_path, **sources(entry(server, key))).get("db_pass")
    server.call("POST", "transit/keys/" + key)
    with pytest.raises(WrongPassphrase, match="is not the key that this store's slot was made with"):
        a_store(tmp_path, **sources(entry(server, key))).get("db_pass")


@pytest.mark.parametrize("kind", ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"])
@pytest.mark.parametrize("derived", [False, True])
def test_what_was_made_for_one_store_is_not_decrypted_for_another(server, key, kind, derived):
    name = "{0}-{1}-{2}".format(key, kind, derived)
    server.call("POST", "transit/keys/" + name, {"type": kind, "derived": derived})
    built = source(server, name)
    terms, secret = built.prepare(STORE_ID, renew=False)
    assert built.secret(terms, STORE_ID) == secret
    with pytest.raises(WrongPassphrase):
        built.secret(terms, bytes(16))


@pytest.mark.parametrize("kind", ["rsa-2048", "ed25519"])
def test_a_key_that_cannot_be_bound_to_a_store_is_refused(server, key, kind):
    server.call("POST", "transit/keys/{0}-{1}".format(key, kind), {"type": kind})
    for act in (lambda one: one.prepare(STORE_ID, renew=False), lambda one: one.check(STORE_ID)):
        with pytest.raises(InvalidConfiguration, match="aes256-gcm96"):
            act(source(server, "{0}-{1}".format(key, kind)))


def test_a_key_that_is_not_there_is_never_made(server, tmp_path):
    """A policy with 'create' would have the server make it at the first encryption."""
    with pytest.raises(MissingKey, match="bao write -f transit/keys/mistyped"):
        a_store(tmp_path, **sources(entry(server, "mistyped", auth={"token": server.root_token}))).put(a_record())
    assert "mistyped" not in server.call("LIST", "transit/keys")["data"]["keys"]
    assert not document_path(tmp_path).exists()


def test_a_mount_that_is_not_there_is_told(server, key, tmp_path):
    given = entry(server, key, mount="elsewhere", auth={"token": server.root_token})
    with pytest.raises(MissingKey, match=r"no Transit engine is mounted at 'elsewhere'.*bao secrets enable -path=elsewhere transit"):
        a_store(tmp_path, **sources(given)).put(a_record())


def test_a_denial_names_path_and_capability(server, key):
    for capability in ("encrypt", "decrypt"):
        kept = policy(key).replace("transit/" + capability, "elsewhere/" + capability)
        token = server.token(server.policy("half-" + capability, kept))
        denied = source(server, key, auth={"token": token})
        with pytest.raises(KeySourceUnavailable, match="may not update transit/{0}/{1}.*capabilities".format(capability, key)):
            denied.prepare(STORE_ID, renew=False)


def test_a_login_that_is_wrong_is_told(server, key):
    with pytest.raises(KeySourceUnavailable, match="token is wrong, expired or revoked"):
        source(server, key, auth={"token": "s.nobody"}).check(STORE_ID)


def test_nothing_is_left_behind_by_a_login_for_a_moment(server, key):
    """The token of an AppRole login is revoked when the source has what it asked for."""
    server.enable("approle", "approle", auth=True)
    server.call("POST", "auth/approle/role/" + key, {"token_policies": [server.policy("transit-" + key, policy(key))]})
    role_id = server.call("GET", "auth/approle/role/{0}/role-id".format(key))["data"]["role_id"]
    secret_id = server.call("POST", "auth/approle/role/{0}/secret-id".format(key))["data"]["secret_id"]
    built = source(server, key, auth={"method": "approle", "role_id": role_id, "secret_id": secret_id})
    before = len(server.requests("auth/token/revoke-self"))
    terms, secret = built.prepare(STORE_ID, renew=False)
    assert built.secret(terms, STORE_ID) == secret
    assert len(server.requests("auth/token/revoke-self")) == before + 2


def test_a_server_that_is_sealed_or_gone_is_a_source_that_is_not_here(key, tmp_path):
    with openbao.running() as own:
        own.enable("transit", "transit")
        own.call("POST", "transit/keys/" + key)
        both = sources(entry(own, key), {"source": "key_file"})
        a_store(tmp_path, **both).put(a_record())
        own.seal()
        with pytest.raises(KeySourceUnavailable, match="the server is sealed"):
            a_store(tmp_path, **sources(both["key_sources"][0])).get("db_pass")
        assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    with pytest.raises(KeySourceUnavailable, match="cannot be reached"):
        a_store(tmp_path, **sources(both["key_sources"][0])).get("db_pass")


def test_check_writes_nothing(server, key):
    before = len(server.requests("transit/encrypt/" + key))
    source(server, key).check(STORE_ID)
    assert len(server.requests("transit/encrypt/" + key)) == before


def test_two_keys_of_the_same_name_are_told_apart_by_label(server, key, tmp_path):
    """Two servers, say: each has a slot of its own."""
    server.enable("transit", "second")
    server.call("POST", "second/keys/" + key)
    root = {"token": server.root_token}
    both = sources(entry(server, key, label="here"), entry(server, key, mount="second", label="there", auth=root))
    a_store(tmp_path, **both).put(a_record())
    for given in both["key_sources"]:
        assert value_of(a_store(tmp_path, **sources(given)).get("db_pass")) == b"correct horse"
    with pytest.raises(MissingKey, match="no configured key source has a slot"):
        a_store(tmp_path, **sources(entry(server, key))).get("db_pass")


def test_no_secret_reaches_a_log(server, key, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    built = source(server, key)
    terms, secret = built.prepare(STORE_ID, renew=False)
    built.secret(terms, STORE_ID)
    a_store(tmp_path, **sources(entry(server, key))).put(a_record())
    searched = caplog.text + document_path(tmp_path).read_text() + server.audit.read_text() + repr(vars(built))
    forms = [secret.hex(), base64.b64encode(secret).decode(), server.root_token]
    assert [form for form in forms if form in searched] == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"key": None}, "'key' of the key source 'vault_transit'"),
        ({"key": "a/b"}, "it is not the name of a key"),
        ({"mount": "a b"}, "'mount' of"),
        ({"verify": "certainly-not"}, "'verify' of .* cannot be read as bool"),
        ({"url": "http://vault.example.com"}, "'url' of .* plain HTTP"),
        ({"auth": {"method": "carrier_pigeon"}}, "'auth.method' of .* there is no method"),
        ({"url": ["https://vault.example.com"]}, "'url' of"),
        ({"keey": "x"}, "'key_sources.keey': there is no such option. Did you mean 'key'"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_entry_is_told_before_any_network_is_used(options, told):
    given = {"source": "vault_transit", "url": "https://vault.example.com", "key": "k", "auth": {"token": "t"}}
    with pytest.raises(InvalidConfiguration, match=told) as refusal:
        build_sources([dict(given, **options)], print)
    assert str(refusal.value.option).partition(".")[0] == "key_sources"
    assert "certainly-not" not in str(refusal.value)


def test_the_server_may_take_no_longer_than_it_is_given():
    """A server that accepts connections and says nothing."""
    with socket.create_server((processes.LOOPBACK, 0)) as silent:
        url = "http://{0}:{1}".format(*silent.getsockname())
        (built,) = build_sources([{"source": "vault_transit", "url": url, "key": "k", "auth": {"token": "t"}, "read_timeout": 0.3}], print)
        with pytest.raises(KeySourceUnavailable, match=r"within 0\.3 s"):
            built.check(STORE_ID)


def _put_own(directory, configuration, barrier, number):
    barrier.wait()
    a_store(directory, **configuration).put(a_record("name{0}".format(number), b"%d" % number))


def test_processes_that_create_one_store_at_once_get_one_key(server, key, tmp_path):
    configuration, count = sources(entry(server, key)), 8
    forked = multiprocessing.get_context("fork")
    barrier = forked.Barrier(count)
    processes = [forked.Process(target=_put_own, args=(tmp_path, configuration, barrier, number)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
    store = a_store(tmp_path, **configuration)
    assert [value_of(store.get("name{0}".format(number))) for number in range(count)] == [b"%d" % number for number in range(count)]
    assert len(ciphertexts(tmp_path)) == 1


def test_a_rotation_that_was_killed_is_finished_by_another_run(server, key, tmp_path, monkeypatch):
    configuration = sources(entry(server, key))
    store = a_store(tmp_path, **configuration)
    store.put(a_record())
    store.put(a_record("other"))
    with monkeypatch.context() as killing:
        killing.setattr(type(store.keyring.backend), "rewrite_envelope", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.rotate_master_key()
    resumed = a_store(tmp_path, **configuration).rotate_master_key()
    assert (resumed.resumed, resumed.envelopes) == (True, 2)
    assert value_of(a_store(tmp_path, **configuration).get("db_pass")) == b"correct horse"
    assert len(ciphertexts(tmp_path)) == 1


def _killed(*_arguments):
    raise KeyboardInterrupt


def test_in_a_play_the_login_is_printed_nowhere(server, key, project):
    given = entry(server, key)
    token = given["auth"]["token"]
    store = {"backend": "local", "path": "{{ playbook_dir }}/store", "key_sources": [given]}
    variables = str({"nebula_credential_store": "it", "nebula_credential_stores": {"it": store}})
    tasks = """
- {name: written, nebula.credential.credential: {name: db_pass, value: correct horse}}
- {name: read, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db_pass') | length }}"}}
- {name: key, nebula.credential.store_key: {}}
- {name: rotated, nebula.credential.store_key: {state: rotated}}
- {name: read again, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db_pass') | length }}"}}
"""
    run = project.play(tasks, "-vvv", variables=variables).succeeded()
    assert run.result("read again")["msg"] == 13
    assert [":".join((slot["source"], slot["label"])) for slot in run.result("key")["key"]["sources"]] == ["vault_transit:transit/" + key]
    assert token not in run.output + str(run.results)
    server.call("POST", "transit/keys/{0}/config".format(key), {"deletion_allowed": True})
    server.call("DELETE", "transit/keys/" + key)
    failed = project.play("- ansible.builtin.debug: msg={{ lookup('nebula.credential.get', 'db_pass') }}", "-vvv", variables=variables)
    assert "there is no Transit key" in failed.failed()
    assert token not in failed.output
