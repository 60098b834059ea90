# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that a key signs for itself, or that a CA of the store signs, with `openssl` as the counterpart (C5)."""

from __future__ import annotations

import json
import ssl
from contextlib import closing, nullcontext
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, InvalidInput, NotFound, Revoked
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers import scripted, tls_front
from tests.servers.certificates import Issued
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer
from tests.unit.types.certificate.certified import (
    KIND,
    PASSPHRASE,
    needs_openssl,
    open_memory,
    openssl,
    rotate,
    secrets,
    show,
    verify,
    write,
)

EVERY_KEY = [{}, {"kind": "ecdsa"}, {"kind": "ecdsa", "bits": 384}, {"kind": "ecdsa", "bits": 521}, {"kind": "rsa"}]


@pytest.fixture
def store():
    with open_memory() as made:
        yield made


@pytest.fixture
def ca(store):
    store.ensure("ca", usages="ca")
    return store


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


@needs_openssl
def test_a_chain_leads_over_an_intermediate_ca_to_the_root(tmp_path, store):
    store.ensure("root", usages="ca", path_length="1")
    store.ensure("middle", usages="ca", ca="root")
    store.ensure("app", ca="middle", common_name="app.example.com")
    leaf, root, chain = store.write(tmp_path, "app"), store.write(tmp_path, "app", "root"), store.write(tmp_path, "app", "chain")
    assert store.read(field="root") == store.read("root")
    assert store.read(field="chain") == store.read("middle")
    assert store.read(field="fullchain") == store.read() + store.read("middle")
    assert verify(leaf, root, "-untrusted", chain) == ""
    assert verify(leaf, root) != ""
    assert not store.ensure("app", ca="middle", common_name="app.example.com").changed


@needs_openssl
def test_the_names_that_a_ca_may_sign_are_in_its_certificate(tmp_path, store):
    store.ensure("ca", usages="ca", permitted_names="example.com, 192.0.2.0/24, email:example.com")
    said = show(store.write(tmp_path, "ca"))
    assert "Name Constraints: critical" in said
    assert "DNS:example.com\n" in said
    assert "IP:192.0.2.0/255.255.255.0" in said
    store.ensure("app", ca="ca", alt_names="app.example.com,*.example.com,192.0.2.9,email:a@example.com")
    assert verify(store.write(tmp_path, "app"), store.write(tmp_path, "ca")) == ""


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("example.org", "DNS:example.org"),
        ("notexample.com", "DNS:notexample.com"),
        ("198.51.100.1", "IP:198"),
        ("a@example.org", "email:a"),
    ],
)
def test_a_name_that_the_ca_may_not_sign_is_refused_also_below_an_intermediate(store, name, outside):
    store.ensure("root", usages="ca", path_length="1", permitted_names="example.com, 192.0.2.0/24, email:example.com")
    store.ensure("middle", usages="ca", ca="root")
    for ca in ("root", "middle"):
        with pytest.raises(InvalidInput, match="'alt_names' of type 'certificate' has '{0}".format(outside)):
            store.ensure("app", ca=ca, alt_names=name)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ca": "leaf"}, "'ca' of type 'certificate' names a certificate that may not sign others"),
        ({"ca": "ca", "usages": "ca"}, "'usages' of type 'certificate' is an authority below one that allows no other below it"),
        ({"ca": "root", "usages": "ca", "path_length": "1"}, "allows a path length under 1"),
        ({"ca": "password"}, "'ca' of type 'certificate' names a credential of another type"),
        ({"ca": "app"}, "'ca' of type 'certificate' is the credential itself"),
        ({"issuer": "ca"}, "'ca' of type 'certificate' is missing"),
        ({"ca": "ca", "issuer": "self"}, "'ca' of type 'certificate' has no effect with 'issuer: self'"),
    ],
)
def test_what_a_ca_may_not_sign_is_refused_and_nothing_is_stored(ca, fields, says):
    ca.ensure("root", usages="ca", path_length="1")
    ca.ensure("leaf")
    ca.manager.ensure(DesiredCredential("password", type="basic"))
    with pytest.raises(InvalidInput, match=says):
        ca.ensure("app", **fields)
    assert not ca.manager.exists("app")


def test_a_ca_that_is_missing_revoked_or_out_of_scope_signs_nothing(ca):
    ca.manager.revoke("ca")
    scope = Scope(workflow="of-the-ca")
    wanted = DesiredCredential("hidden", type="certificate", fields=secrets(usages="ca"), scope=scope)
    ca.manager.ensure(wanted, AccessContext(workflow="of-the-ca"))
    for name, error in (("ca", Revoked), ("none", NotFound), ("hidden", AccessDenied)):
        with pytest.raises(error):
            ca.ensure("app", ca=name)


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


def test_a_certificate_ends_with_that_of_its_ca_and_follows_it_when_the_ca_is_renewed(store):
    store.ensure("ca", usages="ca", valid_for="90d")
    assert store.ensure(ca="ca", valid_for="200d").credential.expires_at == store.now + timedelta(days=90)
    store.now += timedelta(days=80)
    assert not store.ensure(ca="ca", valid_for="200d").changed, "the CA lasts no longer"
    store.ensure("ca", usages="ca", valid_for="90d")
    renewed = store.ensure(ca="ca", valid_for="200d")
    assert renewed.changed
    assert renewed.credential.expires_at == store.now + timedelta(days=90)
    assert store.read(field="root") == store.read("ca")


def test_the_chain_follows_a_ca_that_was_renewed_with_the_same_key(store):
    store.ensure("ca", usages="ca")
    store.ensure(ca="ca")
    certificate = store.read()
    store.now += timedelta(days=3650 * 2 // 3 + 1)
    store.ensure("ca", usages="ca")
    store.now -= timedelta(days=3650 * 2 // 3 + 1)
    assert store.ensure(ca="ca").changed
    assert (store.read(), store.read(field="root")) == (certificate, store.read("ca"))


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


def test_what_a_rotated_ca_has_signed_is_signed_again_by_its_new_key(ca):
    ca.ensure(ca="ca")
    rotate(ca, "ca")
    assert ca.ensure(ca="ca").changed
    assert ca.read(field="root") == ca.read("ca")
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


def test_a_bundle_logs_a_client_in_at_a_server_that_demands_a_certificate(tmp_path, store):
    """Mutual TLS, with both certificates of one CA."""
    store.ensure("ca", usages="ca")
    store.ensure("server", ca="ca", usages="server", alt_names=LOOPBACK)
    store.ensure("client", ca="ca", usages="client")
    files = Issued(store.write(tmp_path, "server", "fullchain"), store.write(tmp_path, "server", "private_key"))
    ca = store.write(tmp_path, "ca")
    with scripted.running(lambda _request: Answer(200, {"by": "server"})) as server, tls_front.running(server.port, files) as front:
        front.context.verify_mode = ssl.CERT_REQUIRED
        front.context.load_verify_locations(str(ca))
        url = "https://{0}:{1}".format(LOOPBACK, front.port)
        for name, accepted in (("client", True), ("server", False)):
            client = HttpClient(Tls(ca_data=ca.read_text(), client_pem=store.manager.token(name, "bundle")))
            with nullcontext() if accepted else pytest.raises(CredentialError):
                assert client.request("GET", url).json == {"by": "server"}
            client.close()


def test_check_mode_signs_nothing_that_is_stored(store):
    store.ensure()
    certificate = store.read()
    wanted = DesiredCredential("app", type="certificate", fields=secrets(valid_for="7d"))
    assert store.manager.ensure(wanted, check=True).changed
    assert store.read() == certificate


def test_the_read_of_the_ca_is_in_the_audit_trail(tmp_path):
    trail = tmp_path / "audit.jsonl"
    with closing(open_store({"backend": "memory", "audit_path": str(trail)})) as manager:
        manager.ensure(DesiredCredential("ca", type="certificate", fields=secrets(usages="ca")))
        manager.flush()
        before = len(trail.read_text(encoding="ascii").splitlines())
        manager.ensure(DesiredCredential("app", type="certificate", fields=secrets(ca="ca")))
    entries = [json.loads(line) for line in trail.read_text(encoding="ascii").splitlines()[before:]]
    assert {("read", "ca"), ("write", "app")} <= {(entry["action"], entry.get("name")) for entry in entries}


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
