# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CAs of the store: what they may sign, chains, renewals of a CA, and a login with what one has signed (C5)."""

from __future__ import annotations

import json
import ssl
from contextlib import closing, nullcontext
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, InvalidInput, NotFound, Revoked
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers import scripted, tls_front
from tests.servers.certificates import Issued
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer
from tests.unit.types.certificate.certified import (
    needs_openssl,
    rotate,
    secrets,
    show,
    verify,
)


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


def test_a_common_name_counts_where_no_alternative_name_is_a_host_name(store, tmp_path):
    """As OpenSSL compares it. A name without a dot is no host name there."""
    store.ensure("ca", usages="ca", permitted_names="example.com, 192.0.2.0/24")
    with pytest.raises(InvalidInput, match=r"'common_name' of type 'certificate' has 'DNS:app\.example\.org'"):
        store.ensure("app", ca="ca", common_name="app.example.org", alt_names="192.0.2.9")
    for number, fields in enumerate(({"common_name": "app"}, {"common_name": "app.example.org", "alt_names": "192.0.2.9,a.example.com"})):
        name = "app{0}".format(number)
        store.ensure(name, **{"ca": "ca", "alt_names": "192.0.2.9", **fields})
        assert verify(store.write(tmp_path, name), store.write(tmp_path, "ca")) == ""


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


def test_what_a_rotated_ca_has_signed_is_signed_again_by_its_new_key(ca):
    ca.ensure(ca="ca")
    rotate(ca, "ca")
    assert ca.ensure(ca="ca").changed
    assert ca.read(field="root") == ca.read("ca")
    assert not ca.ensure(ca="ca").changed


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


def test_the_read_of_the_ca_is_in_the_audit_trail(tmp_path):
    trail = tmp_path / "audit.jsonl"
    with closing(open_store({"backend": "memory", "audit_path": str(trail)})) as manager:
        manager.ensure(DesiredCredential("ca", type="certificate", fields=secrets(usages="ca")))
        manager.flush()
        before = len(trail.read_text(encoding="ascii").splitlines())
        manager.ensure(DesiredCredential("app", type="certificate", fields=secrets(ca="ca")))
    entries = [json.loads(line) for line in trail.read_text(encoding="ascii").splitlines()[before:]]
    assert {("read", "ca"), ("write", "app")} <= {(entry["action"], entry.get("name")) for entry in entries}
