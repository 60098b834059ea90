# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A keytab that is rotated at a real KDC: what is requested there, what a service still accepts, and what is refused first."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.filter.join_keytabs import join_keytabs
from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kerberos import Kerberos
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import read_keytab, write_keytab
from tests.servers import krb5, once
from tests.target_suite.rotated import SETTLE, Rotated
from tests.target_suite.rows import rotating
from tests.targets.kerberos import Keytab
from tests.unit.rotation.targets.test_kerberos import NoModules

pytestmark = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Any]:
    with rotating(Keytab, tmp_path) as made:
        yield made


def count(world: Rotated, call: str) -> int:
    """How often the kadmind has done that."""
    log = world.service.server.log.with_name("kadmind.log").read_text(encoding="utf-8", errors="replace")
    return sum("Request: {0}, ".format(call) in line and ", success" in line for line in log.splitlines())


def run(world: Rotated, *argv: str) -> Any:
    environment = {**os.environ, **world.service.server.environment(), "KRB5CCNAME": "FILE:{0}".format(world.directory / "tickets")}
    return subprocess.run([str(krb5.find_program(argv[0])), *argv[1:]], check=False, capture_output=True, text=True, env=environment)


def takes(world: Rotated, keytab: bytes) -> bool:
    """Whether a service with that keytab accepts the ticket that a client has got."""
    path = world.directory / "service.keytab"
    path.write_bytes(keytab)
    shown = run(world, "kvno", "-k", str(path), world.service.principal)
    return "keytab entry valid" in shown.stdout


def test_a_rotation_makes_one_key_and_a_service_accepts_old_tickets_until_the_old_keytab_is_retired(world: Any) -> None:
    service = world.service
    first = world.values()["current"]["keytab"]
    (world.directory / "first.keytab").write_bytes(first)
    run(world, "kinit", "-k", "-t", str(world.directory / "first.keytab"), service.principal)
    assert takes(world, first)

    before = {call: count(world, call) for call in ("kadm5_init", "kadm5_randkey_principal")}
    assert world.run() == "promoted"
    assert count(world, "kadm5_randkey_principal") - before["kadm5_randkey_principal"] == 1
    # To look, to read the key that there is, and to make another one.
    assert count(world, "kadm5_init") - before["kadm5_init"] == 3
    assert service.versions() == {1, 2}
    values = {stage: fields["keytab"] for stage, fields in world.values().items()}
    assert values["previous"] == first
    assert not takes(world, values["current"])
    both = base64.b64decode(join_keytabs([base64.b64encode(values[stage]).decode() for stage in ("current", "previous")]))
    assert takes(world, both)

    world.elapse(3600)
    world.run(SETTLE)
    assert service.versions() == {2}
    assert set(world.values()) == {"current"}
    assert count(world, "kadm5_init") - before["kadm5_init"] == 6


def test_the_keys_of_other_principals_stay_in_the_keytab(tmp_path: Path) -> None:
    class Shared(Keytab):
        def start(self) -> None:
            super().start()
            self.server.add_principal("host/" + self.name.partition("/")[2])
            other = read_keytab(self.server.write_keytab("host/" + self.name.partition("/")[2]))
            self.other = other[:1]  # type: ignore[index]  # it is a keytab
            self._first = write_keytab([*self.other, *read_keytab(self._first)])  # type: ignore[misc]  # it is one, too

    with rotating(Shared, tmp_path) as world:
        assert world.run() == "promoted"
        entries = read_keytab(world.values()["current"]["keytab"])  # type: ignore[arg-type]  # it is binary
        assert entries[:1] == world.service.other  # type: ignore[index, attr-defined]
        assert {entry.version for entry in entries[1:]} == {2}  # type: ignore[index]


def test_keys_that_may_not_be_extracted_are_named_and_none_is_made(world: Any) -> None:
    before = count(world, "kadm5_randkey_principal")
    world.service.refuse_new()
    with pytest.raises(errors.AccessDenied, match="may not extract the keys"):
        world.run()
    assert count(world, "kadm5_randkey_principal") == before


def test_a_principal_that_is_not_there_is_named() -> None:
    server = once.krb5()
    admin = {"principal": Secret(server.user), "password": Secret(server.password)}
    fields = {"principal": Secret("nowhere@" + krb5.REALM), "kdc": Secret(server.kdc)}
    options = {"admin_credential": admin, "admin_server": "{0}:{1}".format(server.host, server.admin_port), "propagation": 0}
    with pytest.raises(errors.NotFound, match=r"there is no principal 'nowhere@EXAMPLE\.TEST'"):
        Kerberos(options, Value(fields, primary="keytab")).precheck(NoModules())


def test_an_administrator_without_rights_is_refused_by_name(tmp_path: Path) -> None:
    class Stranger(Keytab):
        def credentials(self) -> Any:
            name = self.server.add_principal("stranger-" + self.name.partition("/")[2], "a-password-of-its-own")
            return {"admin": ("kerberos", {"principal": name, "password": "a-password-of-its-own", "kdc": self.server.kdc})}

    with rotating(Stranger, tmp_path) as world, pytest.raises(errors.AccessDenied, match="may not inquire"):
        world.run()


def test_an_administrator_with_a_keytab_rotates_too(tmp_path: Path) -> None:
    class ByKeytab(Keytab):
        def credentials(self) -> Any:
            keytab = self.server.write_keytab("admin/admin")
            return {"admin": ("kerberos", {"principal": self.server.user, "keytab": keytab, "kdc": self.server.kdc})}

    with rotating(ByKeytab, tmp_path) as world:
        assert world.run() == "promoted"
        assert world.service.versions() == {1, 2}  # type: ignore[attr-defined]
