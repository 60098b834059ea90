# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `kerberos` without a KDC: its options, which keytabs are the same, and what it never purges."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, LoginFailed, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import kerberos, kerberos_admin, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kerberos_admin import Session, read_principal
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import read_keytab
from tests.unit.filter.test_join_keytabs import keytab

WEB = "web@EXAMPLE.TEST"
TERSE = '"{0}"\t0\t1796041034\t0\t36000\t"x@EXAMPLE.TEST"\t1796041034\t0\t2\t1\t"[none]"\t604800\t0\t0\t0\t{1}'


class NoModules:
    """The modules of a step: notes are kept, and nothing is run."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def time_left(self) -> float:
        return 60.0

    def note(self, text: str) -> None:
        self.notes.append(text)


def value(*versions: int, key: bytes = bytes(32), **fields: str) -> Value:
    texts = {"principal": WEB, "kdc": "kdc.example.test:88", **fields}
    given = {name: Secret(text) for name, text in texts.items()}
    return Value({**given, "keytab": Secret(base64.b64decode(keytab(*versions, key=key)))}, primary="keytab")


def target(current: Value | None = None, **options: Any) -> kerberos.Kerberos:
    admin = {"principal": Secret("admin/admin@EXAMPLE.TEST"), "password": Secret("x")}
    return kerberos.Kerberos({"admin_credential": admin, "propagation": 0, **options}, current or value(2))


def show(*versions: int) -> str:
    """What kadmin shows of the principal, with these versions of its keys."""
    return TERSE.format(WEB, "\t".join([str(len(versions)), *("1\t{0}\t18\t0".format(version) for version in versions)]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (target(Value({"principal": Secret(WEB), "password": Secret("x")})), "has no keytab"),
        (target(value(2, principal="-x@EXAMPLE.TEST")), "begins with '-'"),
        (target(value(2, principal="web@EXAMPLE.TEST\ndelprinc -force admin/admin@EXAMPLE.TEST")), "'principal' of the credential"),
        (target(value(2, principal='web" x@EXAMPLE.TEST')), "'principal' of the credential"),
        (target(value(2, kdc="kdc\n }\n[plugins]\n")), "'kdc' of the credential"),
        (target(propagation=-1), "less than 0"),
        (target(admin_credential={"principal": Secret("a@B")}), "no principal, or no key"),
        (target(admin_credential={"principal": Secret("a@B"), "password": Secret("a\nb")}), "several lines"),
        (target(admin_credential={"principal": Secret(WEB), "password": Secret("x")}), "the administrator is the principal"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_contacted(given: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        given.check()


def test_the_administration_server_is_that_of_the_kdc_unless_it_is_named() -> None:
    assert target()._admin.server == "kdc.example.test:749"
    assert target(value(2, kdc="[::1]:88"))._admin.server == "[::1]:749"
    assert target(admin_server="adm:1")._admin.server == "adm:1"


def test_a_keytab_is_the_same_with_fewer_kinds_of_encryption_and_not_with_another_version_or_key() -> None:
    assert target().is_same(value(1, 2), value(2))
    assert not target().is_same(value(2), value(3))
    assert not target().is_same(value(2), value(2, key=b"n" * 32))


def test_a_wrong_value_has_the_newest_keys_replaced() -> None:
    (wrong,) = read_keytab(target().wrong_value(value(1, 2)).fields["keytab"].expose()) or ()
    assert (wrong.principal, wrong.version) == (WEB, 2)
    assert wrong.key != bytes(32)
    assert len(wrong.key) == 32


@pytest.mark.parametrize(
    ("held", "left", "outcome", "sent"),
    [
        ((3, 2), (3,), steps.APPLIED, True),
        ((3,), None, steps.APPLIED, False),
        ((2, 1), None, steps.REFUSED, False),
        ((), None, steps.UNKNOWN, False),
        ((3, 2), (3, 2), steps.REFUSED, True),
    ],
)
def test_old_keys_are_purged_and_the_newest_one_never_is(monkeypatch: Any, held: Any, left: Any, outcome: str, sent: bool) -> None:
    shown, commands = [held, left], []

    def run(_realm: Any, _admin: Any, given: Any, _seconds: float) -> Session:
        commands.extend(given)
        return Session(show(*shown.pop(0)), "", [])

    monkeypatch.setattr(kerberos, "run_kadmin", run)
    assert target(value(3)).retire(NoModules(), value(2)) == outcome
    assert ("purgekeys -keepkvno 3 {0}".format(WEB) in commands) is sent
    assert sum(each.startswith("purgekeys") for each in commands) == sent


def test_what_is_shown_of_another_principal_or_in_another_form_is_nothing() -> None:
    assert read_principal(Session(show(2, 1), "", []), WEB) == (1796041034, (1, 2))
    assert read_principal(Session(show(2), "", []), "eb@EXAMPLE.TEST") is None
    assert read_principal(Session(TERSE.format(WEB, "9\t1"), "", []), WEB) is None


def test_a_kadmin_that_does_not_end_is_killed_and_may_have_changed_the_key(monkeypatch: Any, tmp_path: Any) -> None:
    program = tmp_path / "kadmin"
    program.write_text("#!/bin/sh\necho $$ > {0}/process\nexec sleep 3600\n".format(tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    admin = kerberos_admin.Admin("admin@EXAMPLE.TEST", Secret("x"), False, None)
    with pytest.raises(Unavailable) as raised:
        kerberos_admin.run_kadmin(kerberos.tickets.Realm("EXAMPLE.TEST", ("127.0.0.1:1",)), admin, ("getprivs",), 5.0)
    assert raised.value.outcome_unknown
    process = (tmp_path / "process").read_text().strip()
    assert not Path("/proc/{0}".format(process)).exists()


def test_a_login_that_is_refused_is_told_from_a_server_that_is_not_there() -> None:
    realm = kerberos.tickets.Realm("EXAMPLE.TEST")
    errors = "kadmin: Incorrect password while initializing kadmin interface"
    assert isinstance(kerberos_admin._login_error(errors, realm), LoginFailed)
    assert isinstance(kerberos_admin._login_error("kadmin: Cannot contact any KDC", realm), Unavailable)
