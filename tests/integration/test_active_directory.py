# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is special about Active Directory, on a domain controller of Samba: names, old passwords, and what it says of an account.

It needs root, ports of its own and half a minute to start: in the long profile alone.
"""

from __future__ import annotations

import base64
import secrets

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.active_directory import ActiveDirectory
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.types.ldap import Ldap
from tests.conftest import cannot_run
from tests.servers import samba
from tests.servers.processes import ServerUnavailable

pytestmark = [pytest.mark.server, pytest.mark.long]
FIRST, SECOND, THIRD = ("C4n4ry-of-a-domain-{0}".format(number) for number in (1, 2, 3))


@pytest.fixture(scope="module")
def controller():
    try:
        with samba.running(old_minutes=60) as server:
            yield server
    except ServerUnavailable as error:
        cannot_run(str(error))


@pytest.fixture
def account(controller):
    """The name of a user, and its distinguished name."""
    name = "u" + secrets.token_hex(4)
    return name, controller.add_user(name, FIRST)


class Modules:
    """The part of a driver that these targets use."""

    def __init__(self):
        self.notes = []

    def time_left(self):
        return 60.0

    def note(self, text):
        self.notes.append(text)


def fields_of(controller, password, **more):
    texts = {"url": controller.ldaps_url, "ca_cert": controller.ca_cert, "directory": "active_directory", "password": password, **more}
    return Ldap().validate({name: Secret(text) for name, text in texts.items()})


def target_of(controller, fields, **options):
    return ActiveDirectory({"old_accepted_for": 3600, **options}, Value(fields))


def with_password(fields, password):
    return Value(dict(fields, password=Secret(password)))


def try_login(fields):
    with deadline.within(60, "check"):
        Ldap().try_login(fields)


def test_each_name_of_an_account_logs_in(controller, account):
    name, dn = account
    for who in ({"bind_dn": dn}, {"username": name + "@ad.example.test"}, {"username": "ADEX\\" + name}):
        try_login(fields_of(controller, FIRST, **who))
        with pytest.raises(LoginFailed, match="refuses the login"):
            try_login(fields_of(controller, "wrong", **who))


def test_a_simple_login_without_tls_is_refused_with_the_reason(controller, account):
    fields = fields_of(controller, FIRST, bind_dn=account[1])
    plain = dict(fields, url=Secret("ldap://" + controller.host), start_tls=Secret("false"))
    with pytest.raises(LoginFailed, match="over TLS alone"):
        try_login(plain)
    try_login(dict(plain, start_tls=Secret("true")))


def test_what_the_domain_says_of_an_account_is_named(controller, account):
    name, dn = account
    fields = fields_of(controller, FIRST, bind_dn=dn)
    controller.run("user", "setpassword", name, "--newpassword=" + FIRST, "--must-change-at-next-login")
    with pytest.raises(LoginFailed, match="must be changed"):
        try_login(fields)
    controller.run("user", "disable", name)
    with pytest.raises(LoginFailed, match="it is disabled"):
        try_login(fields)
    target = target_of(controller, fields, self_service=True)
    assert "disabled" in target.find_obstacle(Modules(), Value(fields))


@pytest.mark.parametrize("self_service", [True, False])
def test_an_old_password_still_logs_in_after_a_change_and_kerberos_refuses_it(controller, account, self_service):
    name, dn = account
    fields = fields_of(controller, FIRST, bind_dn=dn)
    admin = fields_of(controller, controller.password, username=controller.user)
    target = target_of(controller, fields, **({"self_service": True} if self_service else {"admin_credential": admin}))
    modules, new = Modules(), with_password(fields, SECOND)
    target.precheck(modules)
    assert target.apply(modules, new) == steps.APPLIED
    assert [target.probe(modules, value) for value in (new, Value(fields))] == [steps.ACCEPTED, steps.ACCEPTED]
    assert target.probe(modules, target.wrong_value(new)) == steps.REFUSED
    assert (controller.accepts(name, SECOND), controller.accepts(name, FIRST)) == (True, False)


def test_an_own_change_that_has_landed_already_is_not_taken_for_a_refusal(controller, account):
    """The old password logs in, and is not the one that can be changed."""
    fields = fields_of(controller, FIRST, bind_dn=account[1])
    target, modules = target_of(controller, fields, self_service=True), Modules()
    assert target.apply(modules, with_password(fields, SECOND)) == steps.APPLIED
    assert target.apply(modules, with_password(fields, SECOND)) == steps.UNKNOWN
    assert target.probe(modules, with_password(fields, SECOND)) == steps.ACCEPTED


def test_a_password_that_the_policy_does_not_allow_is_refused_and_the_reason_is_said(controller, account):
    fields = fields_of(controller, FIRST, bind_dn=account[1])
    admin = fields_of(controller, controller.password, username=controller.user)
    target, modules = target_of(controller, fields, admin_credential=admin), Modules()
    assert target.apply(modules, with_password(fields, "short")) == steps.REFUSED
    assert "policy of the domain" in modules.notes[-1]
    assert target.probe(modules, Value(fields)) == steps.ACCEPTED


def test_an_account_is_found_by_its_name(controller, account):
    name, dn = account
    admin = fields_of(controller, controller.password, username=controller.user)
    for username in (name + "@ad.example.test", "ADEX\\" + name):
        target = target_of(controller, fields_of(controller, FIRST, username=username), admin_credential=admin)
        assert target.read_entry(Modules())[0] == dn


def test_a_server_that_another_authority_has_signed_gets_no_password(controller, account):
    fields = fields_of(controller, FIRST, bind_dn=account[1])
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        try_login({name: value for name, value in fields.items() if name != "ca_cert"})


def test_the_attribute_that_is_written_is_the_one_that_can_be_read_as_a_field(controller, account):
    """The field `unicode_pwd`, by a plain request."""
    fields = fields_of(controller, THIRD, bind_dn=account[1])
    content = base64.b64decode(Ldap().read(fields, {}, "unicode_pwd").expose())
    server = ldap.Server(controller.ldaps_url, False, controller.ca_cert)
    admin = ldap.Login(controller.user, Secret(controller.password))
    assert ldap.send(server, admin, [ldap.build_change(account[1], [("unicodePwd", ldap.REPLACE, content)])], 60).problem is None
    try_login(fields)
