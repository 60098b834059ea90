# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `mysql` on a real MariaDB: what a change leaves as it is, and what it names. Rotations as a whole are in tests/targets."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mysql import MySQL
from tests.target_suite.local_runner import LocalRunner
from tests.unit.rotation.targets.recorded_modules import Recorded

OLD, NEW = secrets.token_urlsafe(16), secrets.token_urlsafe(16)


class Here(Recorded):
    """Runs modules here, and keeps the notes."""

    def __init__(self) -> None:
        super().__init__(None)

    def run(self, name: str, arguments: Any, place: str = "") -> Any:
        return LocalRunner().run_module(name, arguments, 60.0)


class World:
    """A user of a MariaDB, and an administrator with few rights."""

    def __init__(self, server: Any) -> None:
        self.server = server
        suffix = secrets.token_hex(4)
        self.user, self.admin = "app_{}".format(suffix), "admin_{}".format(suffix)
        self.run("CREATE USER {admin} IDENTIFIED BY '{old}'")
        self.run("GRANT SELECT, UPDATE ON mysql.* TO {admin}")
        self.modules = Here()

    def run(self, statement: str) -> Any:
        return self.server.run(statement.format(user="'{}'@'%'".format(self.user), admin="'{}'@'%'".format(self.admin), old=OLD))

    def target(self, **options: Any) -> MySQL:
        defaults = {name: option.default for name, option in MySQL.options.items() if option.default is not None}
        where = {"host": self.server.host, "port": self.server.port, "admin_user": self.admin, "admin_password": OLD}
        return MySQL({**defaults, **where, **options}, self.value(OLD))

    def value(self, password: str) -> Value:
        return Value({"username": Secret(self.user), "password": Secret(password)})


@pytest.fixture
def world(mariadb: Any) -> Iterator[World]:
    made = World(mariadb)
    yield made
    made.run("DROP USER IF EXISTS {user}")
    made.run("DROP USER {admin}")


def test_a_change_leaves_everything_else_of_the_user_as_it_is(world: World) -> None:
    world.run(
        "CREATE USER {user} IDENTIFIED BY '{old}' REQUIRE SUBJECT '/CN=app' WITH MAX_QUERIES_PER_HOUR 90 PASSWORD EXPIRE INTERVAL 9 DAY"
    )
    before = world.run("SHOW CREATE USER {user}")[0][0]
    world.target().precheck(world.modules)
    assert world.target().apply(world.modules, world.value(NEW)) == steps.APPLIED
    after = world.run("SHOW CREATE USER {user}")[0][0]
    assert before != after
    assert [part for part in before.split("'") if not part.startswith("*")] == [
        part for part in after.split("'") if not part.startswith("*")
    ]
    assert "client certificate" in world.target().find_obstacle(world.modules, world.value(NEW))


def test_the_new_password_is_accepted_on_a_fresh_login_and_the_old_one_and_a_wrong_one_are_refused(world: World) -> None:
    world.run("CREATE USER {user} IDENTIFIED BY '{old}'")
    target = world.target()
    assert target.probe(world.modules, world.value(OLD)) == steps.ACCEPTED
    assert target.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert target.probe(world.modules, world.value(NEW)) == steps.ACCEPTED
    wrong = target.wrong_value(world.value(NEW))
    assert wrong is not None
    assert [target.probe(world.modules, each) for each in (world.value(OLD), wrong)] == [steps.REFUSED] * 2


@pytest.mark.parametrize(
    ("clause", "outcome", "words"),
    [
        ("ACCOUNT LOCK", steps.UNAVAILABLE, "locked"),
        ("PASSWORD EXPIRE", steps.UNAVAILABLE, "expired"),
        ("REQUIRE SSL", steps.REFUSED, "REQUIRE SSL"),
        ("WITH MAX_USER_CONNECTIONS -1", steps.UNAVAILABLE, "connections"),
    ],
)
def test_a_user_whom_the_server_refuses_with_every_password_is_named(world: World, clause: str, outcome: str, words: str) -> None:
    world.run("CREATE USER {user} IDENTIFIED BY '{old}' " + clause)
    assert world.target().probe(world.modules, world.value(OLD)) == outcome
    obstacle = world.target().find_obstacle(world.modules, world.value(OLD))
    assert obstacle
    assert words in world.modules.notes[-1] + obstacle


@pytest.mark.parametrize(
    ("statements", "error", "words"),
    [
        ((), errors.NotFound, "has no user"),
        (("CREATE USER {user} IDENTIFIED VIA unix_socket",), errors.InvalidInput, "by unix_socket"),
        (("CREATE USER {user} IDENTIFIED BY 'x'", "REVOKE UPDATE ON mysql.* FROM {admin}"), errors.AccessDenied, "lacks UPDATE"),
        (("CREATE USER {user} IDENTIFIED BY 'x'", "REVOKE SELECT ON mysql.* FROM {admin}"), errors.AccessDenied, "may not read"),
    ],
)
def test_what_is_in_the_way_is_named_before_anything_is_sent(world: World, statements: tuple[str, ...], error: type, words: str) -> None:
    for statement in statements:
        world.run(statement)
    with pytest.raises(error) as raised:
        world.target().precheck(world.modules)
    assert words in str(raised.value)


def test_a_login_that_the_server_takes_for_another_account_is_named(world: World) -> None:
    world.run("CREATE USER {user} IDENTIFIED BY '{old}'")
    world.server.run("CREATE USER '{}'@'127.0.0.1' IDENTIFIED BY '{}'".format(world.user, OLD))
    assert world.target().probe(world.modules, world.value(OLD)) == steps.UNAVAILABLE
    assert "'{}@127.0.0.1'".format(world.user) in world.modules.notes[-1]
    exact = world.target(account_host="127.0.0.1")
    assert exact.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert exact.probe(world.modules, world.value(NEW)) == steps.ACCEPTED
    world.server.run("DROP USER '{}'@'127.0.0.1'".format(world.user))


@pytest.mark.long(reason="it waits for the limit of a statement")
def test_a_change_that_waits_for_a_lock_ends_by_itself_and_never_lands(world: World) -> None:
    world.run("CREATE USER {user} IDENTIFIED BY '{old}'")
    blocker = world.server.connect()
    outcomes: list[str] = []
    changing = threading.Thread(target=lambda: outcomes.append(world.target().apply(world.modules, world.value(NEW))))
    try:
        blocker.query("FLUSH TABLES WITH READ LOCK")
        changing.start()
        changing.join(100)
    finally:
        blocker.close()
    assert outcomes == [steps.UNKNOWN]
    time.sleep(2)
    assert world.target().probe(world.modules, world.value(NEW)) == steps.REFUSED
