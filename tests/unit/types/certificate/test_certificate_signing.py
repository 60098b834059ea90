# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that a key signs for itself, or that a CA of the store signs, with `openssl` as the counterpart (C5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.types.certificate.certified import (
    KIND,
    PASSPHRASE,
    needs_openssl,
    openssl,
    rotate,
    secrets,
    show,
    verify,
    write,
)

EVERY_KEY = [{}, {"kind": "ecdsa"}, {"kind": "ecdsa", "bits": 384}, {"kind": "ecdsa", "bits": 521}, {"kind": "rsa"}]


@needs_openssl
@pytest.mark.parametrize("options", EVERY_KEY, ids=str)
def test_without_fields_a_certificate_of_90_days_is_signed_by_its_own_key(tmp_path, store, options):
    made = store.ensure("www.example.com", generate=options)
    path = store.write(tmp_path, "www.example.com")
    assert made.generated
    assert made.credential.expires_at == store.now + timedelta(days=90)
    assert verify(path, path, "-purpose", "sslserver", "-verify_hostname", "www.example.com") == ""
    key = store.write(tmp_path, "www.example.com", "private_key")
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", path, "-noout", "-pubkey")
    assert openssl("x509", "-in", path, "-noout", "-subject", "-issuer").splitlines() == [
        "subject=CN = www.example.com",
        "issuer=CN = www.example.com",
    ]


@needs_openssl
def test_the_computed_fields_are_those_that_openssl_prints(tmp_path, store):
    store.ensure(common_name="app.example.com")
    path = store.write(tmp_path, "app")
    assert "sha256 Fingerprint=" + store.read(field="fingerprint") == openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256")
    assert "sha1 Fingerprint=" + store.read(field="fingerprint_sha1") == openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha1")
    assert "serial=" + store.read(field="serial") == openssl("x509", "-in", path, "-noout", "-serial")
    subject = openssl("x509", "-in", path, "-noout", "-subject", "-nameopt", "RFC2253")
    assert "subject=" + store.read(field="subject") == subject
    assert store.read(field="fullchain") == store.read()
    assert store.read(field="chain") == ""


@needs_openssl
def test_a_certificate_says_what_the_fields_say(tmp_path, store):
    names = "www.example.com, *.apps.example.com, 192.0.2.7, 2001:db8::7, email:app@example.com, spiffe://example.com/app"
    store.ensure(
        distinguished_name="CN=app,O=Example\\, Inc.,C=DE",
        alt_names=names,
        usages="client,code_signing,email_protection",
        valid_for="12h",
        generate={"kind": "rsa"},
    )
    said = show(store.write(tmp_path, "app"))
    assert 'Subject: C = DE, O = "Example, Inc.", CN = app' in said
    shown = "DNS:www.example.com, DNS:*.apps.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, "
    assert shown + "email:app@example.com, URI:spiffe://example.com/app" in said
    assert "TLS Web Client Authentication, Code Signing, E-mail Protection" in said
    assert "Digital Signature, Key Encipherment\n" in said
    assert "CA:FALSE" in said


@needs_openssl
@pytest.mark.parametrize("options", EVERY_KEY, ids=str)
def test_openssl_verifies_what_a_ca_has_signed_by_that_ca_alone(tmp_path, store, options):
    store.ensure("ca", usages="ca", generate=options)
    store.ensure("other", usages="ca")
    store.ensure("app", ca="ca", common_name="app.example.com", generate=options)
    leaf = store.write(tmp_path, "app")
    assert verify(leaf, store.write(tmp_path, "ca"), "-purpose", "sslserver", "-verify_hostname", "app.example.com") == ""
    assert verify(leaf, store.write(tmp_path, "other")) != ""
    assert store.read(field="root") == store.read("ca")
    assert store.read(field="fullchain") == store.read()


@pytest.mark.parametrize("signer", [{}, {"ca": "ca"}], ids=["itself", "ca"])
def test_a_certificate_is_kept_until_a_third_of_its_time_is_left(ca, signer):
    ca.ensure(**signer)
    key, certificate = ca.read(field="private_key"), ca.read()
    ca.now += timedelta(days=59)
    assert not ca.ensure(**signer).changed
    ca.now += timedelta(days=2)
    renewed = ca.ensure(**signer)
    assert (renewed.changed, renewed.generated) == (True, False)
    assert renewed.credential.expires_at == ca.now + timedelta(days=90)
    assert ca.read() != certificate
    assert ca.read(field="private_key") == key


def test_a_certificate_that_has_expired_is_signed_again(store):
    store.ensure()
    store.now += timedelta(days=91)
    assert store.ensure().credential.usable


@pytest.mark.parametrize(
    "changed",
    [
        {"common_name": "other"},
        {"distinguished_name": "CN=app,O=Example"},
        {"alt_names": "app.example.com"},
        {"usages": "client"},
        {"usages": "ca"},
        {"valid_for": "7d"},
        {"ca": "ca"},
    ],
    ids=str,
)
def test_a_certificate_is_signed_again_when_its_terms_differ(ca, changed):
    ca.ensure()
    certificate = ca.read()
    assert ca.ensure(**changed).changed
    assert ca.read() != certificate
    assert not ca.ensure(**changed).changed


def test_a_rotation_makes_a_new_key_of_the_same_kind_with_a_certificate_of_its_own(ca):
    ca.ensure(ca="ca", generate={"kind": "ecdsa", "bits": 384}, passphrase=PASSPHRASE)
    before = ca.fields()
    rotate(ca, "app")
    after = ca.fields()
    assert after["private_key"] != before["private_key"]
    assert after["certificate"] != before["certificate"]
    assert KIND.validate(after) == after
    assert not ca.ensure(ca="ca").changed


def test_a_given_key_gets_a_certificate(tmp_path, store):
    store.ensure("other", generate={"kind": "ecdsa"})
    key = store.read("other", "private_key")
    assert store.ensure(private_key=key.strip()).changed
    assert store.read(field="private_key") == key
    store.manager.ensure(DesiredCredential("by_value", type="certificate", value=Secret(key)))
    assert store.read("by_value", "subject") == "CN=by_value"


@needs_openssl
def test_a_passphrase_encrypts_the_generated_key(tmp_path, store):
    store.ensure(passphrase=PASSPHRASE)
    path = store.write(tmp_path, "app", "private_key")
    assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    passphrase = write(tmp_path / "passphrase", PASSPHRASE)
    public = openssl("pkey", "-in", path, "-passin", "file:{0}".format(passphrase), "-pubout")
    assert public == openssl("x509", "-in", store.write(tmp_path, "app"), "-noout", "-pubkey")


def test_check_mode_signs_nothing_that_is_stored(store):
    store.ensure()
    certificate = store.read()
    wanted = DesiredCredential("app", type="certificate", fields=secrets(valid_for="7d"))
    assert store.manager.ensure(wanted, check=True).changed
    assert store.read() == certificate


def test_only_the_key_and_the_passphrases_are_hidden(store):
    store.ensure(passphrase=PASSPHRASE, keystore_passphrase="c4n4ry-store")
    shown = KIND.redact(store.fields())
    assert {name for name in shown if shown[name] == "[REDACTED]"} == {"private_key", "passphrase", "keystore_passphrase"}
    assert [name for name in ("fullchain", "fingerprint", "fingerprint_sha1", "serial", "subject") if KIND.is_secret(name)] == []
    assert [name for name in ("pkcs12", "jks", "bundle") if not KIND.is_secret(name)] == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"alt_names": "a,,b"}, "'alt_names' of type 'certificate' has an empty name"),
        ({"alt_names": "c4n4ry$"}, "is none of kind 'DNS'"),
        ({"alt_names": "b\u00fccher.example"}, "xn--"),
        ({"alt_names": "IP:c4n4ry"}, "is none of kind 'IP'"),
        ({"alt_names": "a@b@c4n4ry"}, "is none of kind 'email'"),
        ({"usages": "server,c4n4ry"}, "Use any of: server, client, code_signing, email_protection, ca"),
        ({"usages": "server,ca"}, "'usages' of type 'certificate' has others with 'ca'"),
        ({"path_length": "1"}, "'path_length' of type 'certificate' has no effect without 'usages: ca'"),
        ({"usages": "ca", "path_length": "c4n4ry"}, "'path_length' of type 'certificate' is not 0 to 9"),
        ({"usages": "ca", "permitted_names": "c4n4ry$"}, "no domain and no network"),
        ({"usages": "ca", "permitted_names": "192.0.2.7/24"}, "no domain and no network"),
        ({"common_name": "c4n4ry" * 11}, "'common_name' of type 'certificate' is not 1 to 64"),
        ({"common_name": "a", "distinguished_name": "CN=a"}, "is given with 'distinguished_name'"),
        ({"distinguished_name": "c4n4ry"}, "'distinguished_name' of type 'certificate' is none as RFC 4514"),
        ({"valid_for": "7306d"}, "longer than 7305 days"),
        ({"valid_for": "0"}, "lives 0 seconds"),
        ({"private_key": "c4n4ry"}, "'private_key' of type 'certificate' cannot be read"),
        ({"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc4n4ry"}, "is in OpenSSH's format"),
    ],
    ids=str,
)
def test_fields_that_do_not_fit_are_refused_and_never_shown(store, fields, says):
    with pytest.raises(InvalidInput) as caught:
        store.ensure(**fields)
    assert says in str(caught.value)
    assert "c4n4ry" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not store.manager.exists("app")


def test_an_option_of_generate_that_does_not_fit_is_refused():
    with pytest.raises(InvalidInput, match="Allowed for type 'certificate': kind, bits"):
        KIND.generate({"length": 32}, {})
