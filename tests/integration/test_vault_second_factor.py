# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins with a second factor on a real OpenBao: the code of a `totp` credential is sent once, and no other one in its period."""

from __future__ import annotations

import time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import second_factor
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, LoginFailed, NotFound, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.vault_ways import Ways
from tests.servers import once

pytestmark = pytest.mark.server
PERIOD = 10
"""Seconds that a code of these tests is valid. Only tests that need another one wait for it."""


class Factor:
    """A user of OpenBao whose login needs a code, and the store with the key of the codes."""

    def __init__(self, directory):
        self.server = once.openbao()
        self.ways = Ways(self.server)
        self.auth = self.ways.userpass()
        call = self.server.call
        place = "auth/{0}/login/me".format(self.auth["mount"])
        entity = call("POST", place, {"password": "right"}, token="")["auth"]["entity_id"]
        accessor = call("GET", "sys/auth")["data"][self.auth["mount"] + "/"]["accessor"]
        kind = {"issuer": "test", "period": PERIOD, "algorithm": "SHA256", "skew": 1}
        self.method = call("POST", "identity/mfa/method/totp", kind)["data"]["method_id"]
        made = call("POST", "identity/mfa/method/totp/admin-generate", {"method_id": self.method, "entity_id": entity})["data"]["url"]
        self.enforcement = "identity/mfa/login-enforcement/" + self.ways.own
        call("POST", self.enforcement, {"mfa_method_ids": [self.method], "auth_method_accessors": [accessor]})
        path, key = str(directory / "keys"), {"source": "key_file", "path": str(directory / "key")}
        self.keys = {"backend": "local", "path": path, "key_sources": [key]}
        self.secret = parse_qs(urlsplit(made).query)["secret"][0]
        self.store(self.secret)

    def store(self, secret):
        fields = {"algorithm": Secret("SHA256"), "period": Secret(str(PERIOD))}
        with closing(open_store(self.keys)) as keys:
            keys.ensure(DesiredCredential("factor", type="totp", value=Secret(secret), fields=fields))

    def open(self, **given):
        where = {"backend": "vault", "url": self.server.url, "prefix": "logins", "audit": "off"}
        return open_store({**where, "auth": self.auth, **given}, name="prod")

    def login(self, name="factor"):
        return {"mfa_credential": {"store": {**self.keys, "name": "keys"}, "name": name}}

    def proofs(self):
        """How many codes the server has got."""
        return len(self.server.requests("sys/mfa/validate"))


@pytest.fixture
def factor(tmp_path):
    made = Factor(tmp_path)
    yield made
    made.server.call("DELETE", made.enforcement)


def test_a_login_sends_the_code_of_a_credential_once(factor):
    before = factor.proofs()
    with closing(factor.open(**factor.login())) as store:
        assert [store.get("one").fields["it"] for _read in range(3)] == [Secret("works")] * 3
    assert (factor.proofs() - before, factor.ways.logins()) == (1, 2)  # the first login was that of the fixture, without an enforcement


def test_two_stores_of_a_process_never_send_one_code_twice(factor):
    """The second login waits for the next code: the server would refuse the same one."""
    before = factor.proofs()
    for _store in range(2):
        with deadline.within(60, "get"), closing(factor.open(**factor.login(), read_timeout=60)) as store:
            assert store.get("one").fields["it"] == Secret("works")
    assert factor.proofs() - before == 2


def test_a_next_code_that_comes_too_late_is_waited_for_no_longer_than_the_operation_may(factor, monkeypatch):
    monkeypatch.setattr(second_factor, "_take", lambda _server, _code: False)
    before = factor.proofs()
    with closing(factor.open(**factor.login(), read_timeout=3, max_retries=0)) as store, pytest.raises(Timeout, match="the next code"):
        store.get("one")
    assert factor.proofs() == before


def test_a_code_that_is_given_is_sent_once(factor, monkeypatch):
    import pyotp

    monkeypatch.setenv("CODE", pyotp.TOTP(factor.secret, digest="sha256", interval=PERIOD).at(time.time()))
    before = factor.proofs()
    with closing(factor.open(mfa_code_env="CODE")) as store:
        assert store.get("one").fields["it"] == Secret("works")
    with closing(factor.open(mfa_code_env="CODE")) as store, pytest.raises(LoginFailed, match="was sent already, and works once"):
        store.get("one")
    assert factor.proofs() - before == 1


def test_a_refused_code_is_a_login_that_failed(factor):
    factor.store("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    before = factor.proofs()
    with closing(factor.open(**factor.login())) as store:
        for _time in range(2):
            with pytest.raises(LoginFailed, match="refuses the code of the second factor") as caught:
                store.get("one")
            assert caught.value.option == "auth"
            factor.store("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ")
    assert factor.proofs() - before == 2


def test_a_second_factor_that_no_option_has_is_named(factor):
    with closing(factor.open()) as store, pytest.raises(LoginFailed, match=r"needs a second factor.*'mfa_credential'"):
        store.get("one")


def test_a_credential_of_a_second_factor_that_is_missing_is_named_with_its_store(factor):
    with closing(factor.open(**factor.login("gone"))) as store, pytest.raises(NotFound, match="credential 'gone', store 'keys'"):
        store.get("one")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"mfa_code": "1", "mfa_credential": {"store": {}, "name": "a"}}, "'mfa_code' is given, too"),
        ({"mfa_code": "1", "mfa_code_env": "CODE"}, "'mfa_code' and 'mfa_code_env' are both given"),
        ({"mfa_code": "1", "auth": {"token": "s.x"}}, "'token' of 'auth' makes no login"),
    ],
)
def test_a_second_factor_that_cannot_be_used_is_refused(given, what):
    with pytest.raises(InvalidConfiguration, match=what):
        open_store({"backend": "vault", "url": "https://vault.example.com:8200", "auth": {"method": "userpass"}, **given})


@pytest.mark.parametrize("kinds", [[("duo", False)], [("totp", False), ("okta", False)]])
def test_a_second_factor_that_is_no_code_is_named(kinds):
    choices = [{"type": kind, "id": kind, "uses_passcode": passcode} for kind, passcode in kinds]
    with pytest.raises(LoginFailed, match=r"that is no code: ('duo'|'okta', 'totp') "):
        second_factor.prove({"mfa_request_id": "1", "mfa_constraints": {"all": {"any": choices}}}, None, "there", None)
