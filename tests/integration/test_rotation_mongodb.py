# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `mongodb` on a server of our own that speaks its protocol. Whole rotations are in tests/targets."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import mongodb_client, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mongodb import MongoDB
from tests.servers import mongodb_wire, processes
from tests.unit.rotation.targets.recorded_modules import Recorded

OLD, NEW = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
OWN = [{"resource": {"db": "shop", "collection": ""}, "actions": ["changeOwnPassword"]}]


class World:
    """A user of the database `shop`, and an administrator of users."""

    def __init__(self, server: mongodb_wire.Server) -> None:
        self.server, self.modules = server, Recorded(None)
        server.put("app", OLD, [], database="shop")
        server.put("admin", OLD, mongodb_wire.PASSWORDS)

    def target(self, **options: Any) -> MongoDB:
        defaults = {name: option.default for name, option in MongoDB.options.items() if option.default is not None}
        where = {"url": self.server.url, "user_database": "shop", "admin_user": "admin", "admin_password": OLD}
        return MongoDB({**defaults, **where, **options}, self.value(OLD))

    def value(self, password: str) -> Value:
        return Value({"username": Secret("app"), "password": Secret(password)})

    def probe(self, *passwords: str) -> list[str]:
        return [self.target().probe(self.modules, self.value(password)) for password in passwords]


@pytest.fixture
def world() -> Iterator[World]:
    with mongodb_wire.running() as server:
        yield World(server)


def test_the_new_password_is_accepted_by_its_database_and_the_old_and_a_wrong_one_are_refused(world: World) -> None:
    target = world.target()
    target.precheck(world.modules)
    assert world.probe(OLD, NEW) == [steps.ACCEPTED, steps.REFUSED]
    assert target.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert world.probe(OLD, NEW, "wrong") == [steps.REFUSED, steps.ACCEPTED, steps.REFUSED]
    assert world.target(user_database="admin").probe(world.modules, world.value(NEW)) == steps.REFUSED


def test_a_user_changes_its_own_password_with_the_right_to_do_so(world: World) -> None:
    own = world.target(own_login=True, admin_user=None, admin_password=None)
    with pytest.raises(errors.AccessDenied):
        own.precheck(world.modules)
    world.server.put("app", OLD, OWN, database="shop")
    own.precheck(world.modules)
    assert own.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert world.probe(OLD, NEW) == [steps.REFUSED, steps.ACCEPTED]
    own.precheck(world.modules)  # An earlier run has changed it.


@pytest.mark.parametrize(
    ("privileges", "options", "error", "words"),
    [
        (mongodb_wire.PASSWORDS, {"user": "none"}, errors.NotFound, "has no user 'none'"),
        (mongodb_wire.PASSWORDS, {"admin_password": "wrong"}, errors.Unavailable, "refuses the admin login (admin at 127.0.0.1:"),
        (mongodb_wire.PASSWORDS, {"admin_database": "shop"}, errors.Unavailable, "admin_database"),
        ([], {}, errors.AccessDenied, "may not read the user"),
        ([{"resource": {"db": "shop"}, "actions": ["viewUser"]}], {}, errors.AccessDenied, "changePassword"),
    ],
)
def test_what_is_in_the_way_is_named_before_anything_is_sent(
    world: World, privileges: Any, options: dict[str, Any], error: type, words: str
) -> None:
    world.server.put("admin", OLD, privileges)
    with pytest.raises(error) as raised:
        world.target(**options).precheck(world.modules)
    assert words in str(raised.value)
    assert world.server.changes == 0


@pytest.mark.parametrize(
    ("code", "outcome"), [(13, steps.REFUSED), (2, steps.REFUSED), (91, steps.UNKNOWN), (10107, steps.UNKNOWN), (50, steps.UNKNOWN)]
)
def test_a_change_whose_outcome_is_not_certain_is_unknown(world: World, code: int, outcome: str) -> None:
    world.server.fails_with = code
    assert world.target().apply(world.modules, world.value(NEW)) == outcome
    assert "text" not in world.modules.notes[-1]


def test_a_server_that_is_not_there_is_sent_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongodb_client, "CONNECT", 1.0)
    gone = world.target(url="mongodb://127.0.0.1:{}".format(processes.free_port()))
    assert gone.apply(world.modules, world.value(NEW)) == steps.UNAVAILABLE
    assert gone.probe(world.modules, world.value(OLD)) == steps.UNAVAILABLE
    assert gone.find_obstacle(world.modules, world.value(OLD)) == ""
    with pytest.raises(errors.Unavailable):
        gone.precheck(world.modules)


def test_another_machine_is_reached_by_tls_unless_the_task_says_otherwise(world: World) -> None:
    for url, tls in (
        ("mongodb://db.example.com", True),
        ("mongodb://127.0.0.1,db.example.com:27018/?replicaSet=rs0", True),
        ("mongodb+srv://cluster.example.com", True),
        ("mongodb://127.0.0.1:1,localhost,[::1]:2", False),
    ):
        target = world.target(url=url)
        target.check()
        assert target._login("app", OLD, "shop").tls is tls
    assert not world.target(url="mongodb://db.example.com", allow_insecure_transport=True)._login("app", OLD, "shop").tls


def test_options_that_do_not_fit_are_refused_by_name(world: World, tmp_path: Path) -> None:
    for options, option in (
        ({"url": "http://127.0.0.1"}, "mongodb.url"),
        ({"url": "mongodb://app:word@127.0.0.1"}, "mongodb.url"),
        ({"url": "mongodb://127.0.0.1/?tls=false"}, "mongodb.url"),
        ({"url": "mongodb://127.0.0.1/shop"}, "mongodb.url"),
        ({"user_database": "$external"}, "mongodb.user_database"),
        ({"ca_cert": str(tmp_path / "none")}, "mongodb.ca_cert"),
        ({"own_login": True}, "mongodb.admin_user"),
        ({"admin_user": "app", "admin_database": "shop"}, "mongodb.admin_user"),
    ):
        with pytest.raises(errors.InvalidInput) as raised:
            world.target(**options).check()
        assert raised.value.option == option
        assert "word" not in str(raised.value).replace("password", "")
    world.target(admin_user="app").check()  # a user of that name of another database
