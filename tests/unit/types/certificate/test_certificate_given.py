# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that another issuer signed, and key stores, with `openssl` as the counterpart (C5)."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.types.certificate.certified import PASSPHRASE, keytool, needs_keytool, needs_openssl, open_memory, openssl, rotate, write

STORE_PASSPHRASE = "c4n4ry-store"


@pytest.fixture
def store():
    """A store with a root, a CA below it, and `made`, a server's certificate, which the tests give to `app`."""
    with open_memory() as made:
        made.ensure("root", usages="ca", path_length="1")
        made.ensure("middle", usages="ca", ca="root")
        made.ensure("made", ca="middle", alt_names="*.example.com,192.0.2.7")
        yield made


def read_made(store, *fields, **others):
    return dict({field: store.read("made", field) for field in fields}, **others)


def test_a_certificate_of_another_issuer_is_kept_with_its_chain_and_ends_the_credential(store):
    fields = read_made(store, "private_key", "certificate", "chain", "root")
    made = store.ensure(**fields)
    assert not made.generated
    assert made.credential.expires_at == store.now + timedelta(days=90)
    assert {name: store.read(field=name) for name in fields} == fields
    assert store.read(field="issuer") == "other"
    assert not store.ensure(**fields).changed
    store.now += timedelta(days=89)
    assert not store.ensure(**fields).changed, "it cannot be renewed here"


@pytest.mark.parametrize("field", ["certificate", "fullchain"])
def test_a_bundle_is_split_into_certificate_and_chain(store, field):
    store.ensure(private_key=store.read("made", "private_key"), **{field: "a comment\n" + store.read("made", "fullchain")})
    assert store.read() == store.read("made")
    assert store.read(field="chain") == store.read("middle")
    assert store.read(field="fullchain") == store.read("made", "fullchain")


def test_names_that_a_certificate_has_to_hold_are_compared_with_it(store):
    fields = read_made(store, "private_key", "certificate", "chain")
    assert store.ensure(**fields, alt_names="www.example.com, 192.0.2.7").changed
    for name in ("a.b.example.com", "example.com", "192.0.2.8", "email:a@example.com"):
        with pytest.raises(InvalidInput, match="for which the certificate is not good"):
            store.ensure(**fields, alt_names=name)


def test_a_bundle_without_a_chain_removes_the_stored_one(store):
    store.ensure(**read_made(store, "private_key", "certificate", "chain"))
    store.ensure("made", ca="root", alt_names="app.example.com")
    assert store.ensure(**read_made(store, "private_key", "fullchain")).changed
    assert (store.read(), store.read(field="chain")) == (store.read("made"), "")


def swap(text):
    """The certificates of a PEM text in the opposite order."""
    end = "-----END CERTIFICATE-----\n"
    return "".join(part + end for part in reversed(text.split(end)[:-1]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda store: {"private_key": store.read("middle", "private_key")}, "'certificate' of type 'certificate' is of another key"),
        (lambda _store: {"certificate": "c4n4ry"}, "holds no certificates in PEM"),
        (lambda _store: {"certificate": "-----BEGIN CERTIFICATE-----\nYzRuNHJ5\n-----END CERTIFICATE-----\n"}, "or a damaged one"),
        (lambda store: {"certificate": store.read("made") + store.read("made", "private_key")}, "holds a private key"),
        (lambda store: {"chain": store.read("root")}, "'chain' of type 'certificate' is out of order: its certificate 1"),
        (lambda store: {"chain": swap(store.read("middle") + store.read("root"))}, "Sort them"),
        (lambda store: {"chain": store.read("middle") * 11}, "more than 10 certificates"),
        (
            lambda store: {"certificate": store.read("made", "fullchain")},
            "'chain' of type 'certificate' is given, and 'certificate' holds one",
        ),
        (lambda _store: {"issuer": "self"}, "'certificate' of type 'certificate' is given, and 'issuer: self' signs another one"),
        (lambda _store: {"ca": "middle"}, "'ca' of type 'certificate' has no effect with 'issuer: other'"),
        (lambda _store: {"valid_for": "7d"}, "'valid_for' of type 'certificate' has no effect with 'issuer: other'"),
    ],
)
def test_what_does_not_belong_together_is_refused_and_nothing_is_stored(store, change, says):
    with pytest.raises(InvalidInput) as caught:
        store.ensure(**dict(read_made(store, "private_key", "certificate", "chain"), **change(store)))
    assert says in str(caught.value)
    assert "c4n4ry" not in str(caught.value)
    assert not store.manager.exists("app")


def test_a_certificate_that_is_no_authoritys_has_signed_no_other(store):
    """Its signature is genuine, and it may not sign (the flaw of CVE-2002-0862)."""
    store.ensure("leaf")
    with pytest.raises(InvalidInput, match="may not sign others"):
        store.ensure("app", ca="leaf")


def test_a_certificate_that_has_expired_is_refused(store):
    fields = read_made(store, "private_key", "certificate", "chain")
    store.now += timedelta(days=91)
    with pytest.raises(InvalidInput, match="'certificate' of type 'certificate' has expired"):
        store.ensure(**fields)


def test_another_issuers_certificate_is_replaced_with_its_key_and_by_nothing_generated(store):
    store.ensure(**read_made(store, "private_key", "certificate", "chain"))
    with pytest.raises(InvalidInput, match="is not generated for another issuer's certificate"):
        rotate(store, "app")
    rotate(store, "made")
    rotate(store, "app", fields=read_made(store, "private_key", "certificate", "chain"))
    assert store.read() == store.read("made")


def test_a_credential_moves_from_another_issuer_to_its_own_key_and_back(store):
    fields = read_made(store, "private_key", "certificate", "chain", "root")
    store.ensure(**fields)
    assert store.ensure(issuer="self").changed
    assert store.read(field="subject") == "CN=app"
    assert set(store.fields()) == {"private_key", "certificate", "issuer"}
    assert store.ensure(**fields).changed
    assert store.read() == fields["certificate"]


@needs_openssl
def test_openssl_reads_a_key_store_with_the_key_and_the_whole_chain(tmp_path, store):
    store.ensure("made", keystore_passphrase=STORE_PASSPHRASE)
    path = write(tmp_path / "store.p12", store.manager.token("made", "pkcs12").expose())
    passphrase = "file:{0}".format(write(tmp_path / "passphrase", STORE_PASSPHRASE))
    held = openssl("pkcs12", "-in", path, "-passin", passphrase, "-noenc")
    assert held.count("BEGIN CERTIFICATE") == 2
    assert all(text in held for text in (store.read("made").strip(), store.read("middle").strip()))
    key = openssl("pkey", "-in", store.write(tmp_path, "made", "private_key"))
    assert openssl("pkey", given=held) == key


def test_a_key_store_needs_a_passphrase(store):
    with pytest.raises(NoToken, match="Set the field 'keystore_passphrase'"):
        store.read("made", "pkcs12")


@needs_openssl
@pytest.mark.parametrize("form", ["bytes", "base64"])
@pytest.mark.parametrize("extra", [[], ["-legacy"]], ids=["modern", "legacy"])
def test_a_key_store_that_openssl_made_is_taken_apart(tmp_path, store, form, extra):
    files = {field: store.write(tmp_path, "made", field) for field in ("private_key", "certificate", "chain")}
    passphrase = "file:{0}".format(write(tmp_path / "passphrase", STORE_PASSPHRASE))
    options = ["-inkey", files["private_key"], "-in", files["certificate"], "-certfile", files["chain"], "-passout", passphrase]
    path = tmp_path / "store.p12"
    openssl("pkcs12", "-export", *extra, *options, "-out", path)
    content = path.read_bytes()
    fields = {
        "pkcs12": Secret(content if form == "bytes" else base64.encodebytes(content)),
        "keystore_passphrase": Secret(STORE_PASSPHRASE),
    }
    store.manager.ensure(DesiredCredential("app", type="certificate", fields=fields))
    assert {field: store.read("app", field) for field in files} == {field: path.read_text() for field, path in files.items()}
    assert "pkcs12" not in store.fields()
    assert not store.manager.ensure(DesiredCredential("app", type="certificate", fields=fields)).changed


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"pkcs12": "c4n4ry", "keystore_passphrase": "c4n4ry"}, "'pkcs12' of type 'certificate' cannot be read"),
        ({"pkcs12": "c4n4ry", "private_key": "c4n4ry"}, "'private_key' of type 'certificate' is given, and 'pkcs12' holds one"),
    ],
)
def test_a_key_store_that_cannot_be_read_is_refused_and_not_shown(store, fields, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        store.ensure(**fields)
    assert "c4n4ry" not in str(caught.value)


@needs_keytool
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_java_reads_a_key_store_of_its_own_form_with_the_key_and_the_chain(tmp_path, store, kind):
    store.ensure("app", ca="middle", keystore_passphrase=STORE_PASSPHRASE, generate={"kind": kind})
    path = write(tmp_path / "store.jks", store.manager.token("app", "jks").expose())
    listed = keytool("-list", "-v", "-keystore", path, "-storetype", "JKS", "-storepass", STORE_PASSPHRASE)
    assert "Entry type: PrivateKeyEntry\nCertificate chain length: 2" in listed
    assert "SHA256: " + store.read("app", "fingerprint") in listed
    assert "SHA256: " + store.read("middle", "fingerprint") in listed


@needs_keytool
def test_a_key_store_that_keytool_made_is_taken_apart_and_no_file_of_it_is_left(tmp_path, store, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    path = tmp_path / "store.jks"
    named = ["-alias", "app", "-dname", "CN=app", "-keyalg", "RSA", "-keystore", path, "-storetype", "JKS", "-storepass", STORE_PASSPHRASE]
    keytool("-genkeypair", "-keypass", STORE_PASSPHRASE, *named)
    fields = {"jks": Secret(path.read_bytes()), "keystore_passphrase": Secret(STORE_PASSPHRASE)}
    store.manager.ensure(DesiredCredential("app", type="certificate", fields=fields))
    exported = keytool("-exportcert", "-rfc", "-alias", "app", "-keystore", path, "-storepass", STORE_PASSPHRASE)
    assert "".join(store.read("app").split()) == "".join(exported.split())
    assert list((tmp_path / "temporary").iterdir()) == []
    fields["keystore_passphrase"] = Secret("c4n4ry of another")
    with pytest.raises(InvalidInput, match="'jks' of type 'certificate' cannot be read with 'keystore_passphrase'"):
        store.manager.ensure(DesiredCredential("app", type="certificate", fields=fields))


@pytest.mark.parametrize("passphrase", ["short", "p\u00e4ssphrase"])
@needs_keytool
def test_a_passphrase_that_java_does_not_take_is_refused(store, passphrase):
    store.ensure("made", keystore_passphrase=passphrase)
    with pytest.raises(NoToken, match="is not 6 or more characters of ASCII"):
        store.read("made", "jks")


def test_a_keytool_that_is_missing_is_named_with_what_to_install(store, monkeypatch):
    store.ensure("made", keystore_passphrase=STORE_PASSPHRASE)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingLibrary, match=r"the program keytool is not installed\. Install a Java runtime"):
        store.read("made", "jks")


def test_a_wrong_passphrase_of_a_key_store_is_refused(store):
    store.ensure("made", keystore_passphrase=STORE_PASSPHRASE)
    content = store.manager.token("made", "pkcs12")
    fields = {"pkcs12": content, "keystore_passphrase": Secret(PASSPHRASE)}
    with pytest.raises(InvalidInput, match="cannot be read with 'keystore_passphrase'"):
        store.manager.ensure(DesiredCredential("app", type="certificate", fields=fields))
