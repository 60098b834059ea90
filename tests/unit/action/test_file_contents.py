# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a deployed file: made of what the operation reads of a real store."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import build_content, list_sources
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import read_answers
from ansible_collections.nebula.credential.plugins.plugin_utils.session import endpoint, reads
from tests.unit.store.managing import ask

PASSPHRASE = "k3ystore-pass"


@pytest.fixture(scope="module")
def manager():
    """A store with a certificate and a password."""
    opened = open_store({"backend": "memory"}, name="prod", warn=lambda _message: None)
    fields = {"common_name": "app.example.com", "keystore_passphrase": PASSPHRASE}
    ask(opened, "credential", name="tls", type="certificate", state="present", fields=fields)
    ask(opened, "credential", name="db", type="basic", state="present", fields={"username": "app", "password": "s3cret"})
    yield opened
    opened.close()


def build(manager, **file):
    file = {"dest": "/etc/x", "state": "present", **file}
    answers, _outcome = read_answers(list_sources(file, ""), lambda asked: ask(manager, "deploy", **asked))
    return build_content(file, "", iter(answers), None)


def test_a_pem_file_has_the_key_and_the_certificate(manager):
    content = build(manager, credential="tls", format="pem")
    assert content.value.count(b"-----BEGIN ") == 2
    assert load_pem_private_key(content.value, None)
    assert (content.versions, content.fields, content.digest) == ({"tls": "1"}, {"tls": ("bundle",)}, None)


def test_what_is_no_pem_is_refused_as_such_a_file(manager):
    with pytest.raises(InvalidToken, match="the value is not in PEM") as refused:
        build(manager, credential="db", field="password", format="pem")
    assert "s3cret" not in str(refused.value)


def test_a_key_store_differs_each_time_and_has_the_digest_of_what_it_is_made_of(manager):
    first, second = (build(manager, credential="tls", format="pkcs12") for _time in range(2))
    assert first.value != second.value
    assert first.digest is not None
    assert first.digest == second.digest
    key, certificate, _others = pkcs12.load_key_and_certificates(first.value, PASSPHRASE.encode())
    assert key.public_key() == certificate.public_key()


def test_values_of_several_credentials_and_texts_are_one_file(manager):
    values = {"HOST": "db", "PASSWORD": {"credential": "db"}, "USER": {"credential": "db", "field": "username"}}
    content = build(manager, values=values, format="dotenv")
    assert content.value == b"HOST=db\nPASSWORD=s3cret\nUSER=app\n"
    assert (content.versions, content.fields) == ({"db": "1"}, {"db": ["password", "username"]})


def test_the_fields_of_a_credential_are_named_as_variables(manager):
    assert build(manager, credential="db", format="dotenv").value == b"PASSWORD=s3cret\nUSERNAME=app\n"
    assert build(manager, credential="db", format="json", fields=["username"]).value == b'{\n  "username": "app"\n}\n'


def test_two_fields_of_one_variable_are_refused_because_one_would_be_lost(manager):
    ask(manager, "credential", name="twice", state="present", fields={"api-key": "s3cret-one", "api_key": "s3cret-two"})
    with pytest.raises(InvalidInput, match="two fields have the variable API_KEY") as refused:
        build(manager, credential="twice", format="dotenv")
    assert "s3cret" not in str(refused.value)
    assert build(manager, credential="twice", format="dotenv", fields=["api_key"]).value == b"API_KEY=s3cret-two\n"


def test_nothing_shows_a_content(manager):
    assert "s3cret" not in repr(build(manager, credential="db"))


def test_a_worker_alone_notes_what_its_lookups_read(monkeypatch):
    monkeypatch.setattr(endpoint, "READS", [])
    outcome = Outcome({"name": "db", "version": "2", "value": "s3cret"}, (Secret("s3cret"),))
    reads.note_read(outcome)
    assert reads.list_reads() == []
    monkeypatch.setattr(endpoint, "current_task", lambda: "a task")
    reads.note_read(outcome)
    reads.note_read(Outcome({"values": {"a": "x"}, "versions": {"a": "7"}, "failures": {}}))
    assert reads.list_versions(reads.list_reads()) == {"db": "2", "a": "7"}
    assert [secret.expose() for secret in reads.list_secrets(reads.list_reads())] == [b"s3cret"]
