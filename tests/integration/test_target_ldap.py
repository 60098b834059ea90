# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `ldap` on a real slapd whose policy has an account change its password after an administrator did (pwdMustChange)."""

from __future__ import annotations

import secrets
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ldap import Ldap
from tests.servers import once, slapd
from tests.unit.rotation.targets.recorded_modules import Recorded

pytestmark = pytest.mark.server
OLD, NEW = secrets.token_urlsafe(16), secrets.token_urlsafe(16)


class Account:
    """An entry under such a policy of its own, whose password an administrator changes."""

    def __init__(self, server: slapd.Server) -> None:
        self.server, self.modules = server, Recorded(None)
        uid = "u" + secrets.token_hex(4)
        self.policy = "cn=policy-of-{0},{1}".format(uid, slapd.SUFFIX)
        connection = server.connect()
        connection.add(self.policy, ["device", "pwdPolicy"], {"pwdAttribute": "userPassword", "pwdMustChange": "TRUE"})
        connection.unbind()
        self.dn = server.add_person(uid, OLD)
        server.set_attribute(self.dn, "pwdPolicySubentry", self.policy)

    def value(self, password: str) -> Value:
        texts = {"url": self.server.ldaps_url, "ca_cert": self.server.ca_cert, "bind_dn": self.dn, "password": password}
        return Value({name: Secret(text) for name, text in texts.items()})

    def target(self) -> Ldap:
        return Ldap({"admin_credential": {"bind_dn": Secret(self.server.user), "password": Secret(self.server.password)}}, self.value(OLD))

    def reads_itself(self, password: str) -> bool:
        connection: Any = self.server.connect(self.dn, password)
        try:
            return bool(connection.search(self.dn, "(objectClass=*)"))
        finally:
            connection.unbind()


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account(once.slapd())
    yield made
    made.server.remove(made.dn)
    made.server.remove(made.policy)


def test_the_new_password_does_all_that_the_old_one_did_though_an_administrator_set_it(account: Account) -> None:
    assert account.reads_itself(OLD)
    assert account.target().apply(account.modules, account.value(NEW)) == steps.APPLIED
    assert account.reads_itself(NEW)
    assert account.target().probe(account.modules, account.value(NEW)) == steps.ACCEPTED


def test_a_login_that_may_do_nothing_but_change_its_password_verifies_nothing(account: Account) -> None:
    connection = account.server.connect()
    connection.extend.standard.modify_password(account.dn, None, NEW)
    connection.unbind()
    assert not account.reads_itself(NEW)
    assert account.target().probe(account.modules, account.value(NEW)) == steps.UNAVAILABLE
    assert "pwdReset" in account.modules.notes[-1]
