# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that the PKI of an OpenBao signs, counted in its audit log (C5)."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, InvalidInput, LoginFailed
from tests.servers import once, tls_front
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK
from tests.unit.types.certificate.certified import needs_openssl, open_memory, openssl, rotate, verify

_NUMBERS = itertools.count(1)
_POLICY = 'path "{0}/sign/web" {{ capabilities = ["update"] }}'


class Pki:
    """A root and an authority below it, which signs names of example.com for 30 days, and a token that may use it."""

    def __init__(self, server):
        self.server = server
        number = next(_NUMBERS)
        self.root, self.mount = ("certificates-{0}-{1}".format(part, number) for part in ("root", "web"))
        for mount in (self.root, self.mount):
            server.call("POST", "sys/mounts/" + mount, {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
        server.call("POST", self.root + "/root/generate/internal", {"common_name": "root", "ttl": "87600h"})
        csr = server.call("POST", self.mount + "/intermediate/generate/internal", {"common_name": "middle"})["data"]["csr"]
        signed = server.call("POST", self.root + "/root/sign-intermediate", {"csr": csr, "ttl": "8760h"})["data"]
        whole = signed["certificate"] + "\n" + signed["issuing_ca"]
        server.call("POST", self.mount + "/intermediate/set-signed", {"certificate": whole})
        role = {"allowed_domains": "example.com", "allow_subdomains": True, "allow_bare_domains": True, "key_type": "any", "ttl": "720h"}
        server.call("POST", self.mount + "/roles/web", role)
        self.policy = server.policy("certificates-{0}".format(number), _POLICY.format(self.mount))
        self.token = server.token(self.policy)

    def fields(self, **changed):
        """The fields of a certificate that this one signs."""
        common = {"url": self.server.url, "mount": self.mount, "role": "web", "login_secret": self.token}
        return dict(common, **dict({"common_name": "www.example.com"}, **changed))

    @property
    def signed(self):
        """How many certificates it was asked for."""
        return len(self.server.requests(self.mount + "/sign/"))


@pytest.fixture(scope="module")
def pki():
    return Pki(once.openbao())


@pytest.fixture
def store():
    with open_memory() as made:
        yield made


@needs_openssl
def test_the_first_read_orders_a_certificate_for_our_key_and_later_ones_none(tmp_path, store, pki):
    before = pki.signed
    store.ensure(**pki.fields(alt_names="www.example.com,example.com"))
    assert pki.signed == before, "a write asks for nothing"
    key = store.write(tmp_path, "app", "private_key")
    leaf, chain, root = (store.write(tmp_path, "app", field) for field in ("certificate", "chain", "root"))
    assert verify(leaf, root, "-untrusted", chain, "-purpose", "sslserver", "-verify_hostname", "example.com") == ""
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", leaf, "-noout", "-pubkey")
    assert store.read(field="subject") == "CN=www.example.com"
    assert store.read(field="fullchain") == leaf.read_text() + chain.read_text()
    assert timedelta(days=29) < store.manager.get("app").expires_at - store.now <= timedelta(days=31)
    assert not store.ensure(**pki.fields(alt_names="www.example.com,example.com")).changed
    assert pki.signed == before + 1


def test_a_certificate_is_renewed_when_a_fifth_of_its_time_is_left(store, pki):
    store.ensure(**pki.fields())
    first, before = store.read(), pki.signed
    store.now += timedelta(days=23)
    assert (store.read(), pki.signed) == (first, before)
    store.now += timedelta(days=2)
    assert store.read() != first
    assert pki.signed == before + 1
    assert store.manager.get("app").fields["common_name"].expose() == b"www.example.com"


def test_the_fields_say_how_long_and_another_name_is_ordered_anew(store, pki):
    store.ensure(**pki.fields(valid_for="2h"))
    first, before = store.read(), pki.signed
    assert store.manager.get("app").expires_at - store.now <= timedelta(hours=2, minutes=1)
    assert store.ensure(**pki.fields(valid_for="2h", common_name="api.example.com")).changed
    assert store.read(field="subject") == "CN=api.example.com"
    assert (store.read() != first, pki.signed) == (True, before + 1)


def test_a_rotation_makes_a_new_key_for_which_a_certificate_is_ordered(store, pki):
    store.ensure(**pki.fields(), generate={"kind": "ecdsa"})
    key, certificate, before = store.read(field="private_key"), store.read(), pki.signed
    rotate(store, "app")
    assert store.read(field="private_key") != key
    assert store.read() != certificate
    assert pki.signed == before + 1


def test_an_approle_logs_in(store, pki):
    server = pki.server
    server.enable("approle", "approle", auth=True)
    server.call("POST", "auth/approle/role/web", {"token_policies": [pki.policy]})
    role = server.call("GET", "auth/approle/role/web/role-id")["data"]["role_id"]
    secret = server.call("POST", "auth/approle/role/web/secret-id", {})["data"]["secret_id"]
    store.ensure(**pki.fields(login_id=role, login_secret=secret))
    assert store.read(field="subject") == "CN=www.example.com"
    store.ensure(**pki.fields(login_id=role, login_secret="c4n4ry"))
    with pytest.raises(LoginFailed, match="does not accept the AppRole") as caught:
        store.read()
    assert "c4n4ry" not in str(caught.value)


def test_the_service_is_verified_with_the_authorities_of_the_credential(tmp_path, store, pki):
    authority = Authority(tmp_path)
    with tls_front.running(pki.server.port, authority.issue("server", [LOOPBACK])) as front:
        url = "https://{0}:{1}".format(LOOPBACK, front.port)
        store.ensure(**pki.fields(url=url))
        with pytest.raises(CredentialError, match="cannot be verified"):
            store.read()
        store.ensure(**pki.fields(url=url, ca_cert=authority.certificate.read_text()))
        assert store.read(field="subject") == "CN=www.example.com"


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"common_name": "www.example.org"}, InvalidInput, "refuses to sign"),
        ({"role": "none"}, AccessDenied, "does not let this login sign"),
        ({"login_secret": "c4n4ry"}, AccessDenied, "does not let this login sign"),
    ],
)
def test_a_refusal_is_an_error_with_what_to_check_and_the_next_read_asks_again(store, pki, changed, error, says):
    store.ensure(**pki.fields(**changed))
    for _time in range(2):
        with pytest.raises(error, match=says) as caught:
            store.read()
        assert "c4n4ry" not in str(caught.value)
        assert "sign/" in caught.value.remedy
    store.ensure(**pki.fields())
    assert store.read(field="subject") == "CN=www.example.com"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"login_secret": None}, "'login_secret' of type 'certificate' is missing, which 'issuer: vault' needs"),
        ({"url": None}, "'url' of type 'certificate' is missing"),
        ({"usages": "client"}, "'usages' of type 'certificate' has no effect with 'issuer: vault'"),
        ({"ca": "ca", "issuer": "vault"}, "'ca' of type 'certificate' has no effect with 'issuer: vault'"),
        ({"issuer": "self"}, "'login_secret' of type 'certificate' has no effect with 'issuer: self'"),
    ],
    ids=str,
)
def test_fields_that_do_not_fit_are_refused_before_any_request(store, pki, fields, says):
    before = len(pki.server.requests(pki.mount))
    with pytest.raises(InvalidInput) as caught:
        store.ensure(**pki.fields(**fields))
    assert says in str(caught.value)
    assert len(pki.server.requests(pki.mount)) == before


def test_the_login_is_dropped_when_another_issuer_follows(store, pki):
    store.ensure(**pki.fields())
    store.read()
    assert store.ensure(issuer="self", url=None, mount=None, role=None).changed
    assert "login_secret" not in store.fields()
    assert store.read(field="chain") == ""
