# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `redis` on a real Valkey: what a server keeps, several servers, and what is named. Whole rotations are in tests/targets."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.redis import Redis
from tests.servers import proxy
from tests.servers import valkey as valkey_server
from tests.targets.harness import Plain
from tests.targets.redis import ValkeyUser
from tests.targets.rotated import SETTLE, Rotated
from tests.unit.rotation.targets.recorded_modules import Recorded

OLD, NEW = secrets.token_urlsafe(16), secrets.token_urlsafe(16)


def hashed(password: str) -> str:
    return hashlib.sha256(password.encode("ascii")).hexdigest()


class World:
    """A user of a server, and its administrator."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.user, self.admin = ("{}_{}".format(name, secrets.token_hex(4)) for name in ("app", "admin"))
        self.run("SETUSER {} on >{} ~* +get".format(self.user, OLD))
        self.run("SETUSER {} on >{} +acl +config".format(self.admin, OLD))
        self.modules = Recorded(None)

    def run(self, command: str) -> str:
        return str(self.server.ask("AUTH default " + self.server.password, "ACL " + command))

    def target(self, **options: Any) -> Redis:
        defaults = {name: option.default for name, option in Redis.options.items() if option.default is not None}
        where = {"urls": ["redis://{}:{}".format(self.server.host, self.server.port)], "admin_user": self.admin, "admin_password": OLD}
        return Redis({**defaults, "save": "config", **where, **options}, self.value(OLD))

    def value(self, password: str) -> Value:
        return Value({"username": Secret(self.user), "password": Secret(password)})

    def probe(self, *passwords: str) -> list[str]:
        return [self.target().probe(self.modules, self.value(password)) for password in passwords]


@pytest.fixture
def world(valkey: Any) -> Iterator[World]:
    made = World(valkey)
    yield made
    made.run("DELUSER {} {}".format(made.user, made.admin))


@pytest.fixture(scope="module")
def with_file() -> Iterator[World]:
    with valkey_server.running(acl_file=True) as server:
        yield World(server)


def test_a_user_without_any_other_right_has_both_passwords_until_the_old_one_is_dropped(world: World) -> None:
    target = world.target()
    target.precheck(world.modules)
    assert world.probe(OLD, NEW) == [steps.ACCEPTED, steps.REFUSED]
    assert [target.apply(world.modules, world.value(NEW)) for _each in range(2)] == [steps.APPLIED] * 2
    assert world.probe(OLD, NEW, "wrong") == [steps.ACCEPTED, steps.ACCEPTED, steps.REFUSED]
    assert "#{} #{}".format(hashed(OLD), hashed(NEW)) in world.server.settings.read_text()
    assert [target.retire(world.modules, world.value(OLD)) for _each in range(2)] == [steps.APPLIED] * 2
    assert world.probe(OLD, NEW) == [steps.REFUSED, steps.ACCEPTED]
    assert hashed(OLD) not in next(line for line in world.server.settings.read_text().splitlines() if world.user in line)


def test_no_password_reaches_what_the_server_lists_or_logs(world: World) -> None:
    world.server.ask("AUTH default " + world.server.password, "CONFIG SET slowlog-log-slower-than 0", "SLOWLOG RESET")
    world.target().apply(world.modules, world.value(NEW))
    seen = world.server.ask("AUTH default " + world.server.password, "SLOWLOG GET 50", "ACL LOG", "ACL LIST")
    world.server.ask("AUTH default " + world.server.password, "CONFIG SET slowlog-log-slower-than 10000")
    assert "SETUSER" in seen
    assert NEW not in seen + world.server.log.read_text()


def test_the_servers_own_file_of_users_has_the_new_password_when_the_change_is_done(with_file: World) -> None:
    target = with_file.target(save="acl_file")
    target.precheck(with_file.modules)
    assert target.apply(with_file.modules, with_file.value(NEW)) == steps.APPLIED
    assert hashed(NEW) in with_file.server.users.read_text()
    assert target.retire(with_file.modules, with_file.value(NEW)) == steps.APPLIED
    assert hashed(NEW) not in with_file.server.users.read_text()


def test_a_password_that_a_server_cannot_write_down_is_taken_back(with_file: World) -> None:
    target, directory = with_file.target(save="acl_file"), with_file.server.users.parent
    with_file.run("SAVE")
    directory.chmod(0o500)
    try:
        assert target.apply(with_file.modules, with_file.value(NEW)) == steps.REFUSED
        assert "did not write its users to the file of the option 'aclfile'" in with_file.modules.notes[-1]
        assert with_file.probe(OLD, NEW) == [steps.ACCEPTED, steps.REFUSED]
        assert target.retire(with_file.modules, with_file.value(OLD)) == steps.REFUSED
        assert with_file.probe(OLD) == [steps.ACCEPTED]
    finally:
        directory.chmod(0o700)


@pytest.mark.parametrize(
    ("command", "options", "error", "words"),
    [
        ("DELUSER {user}", {}, errors.NotFound, "has no user"),
        ("SETUSER {admin} -acl|setuser", {}, errors.AccessDenied, "may not run ACL SETUSER"),
        ("SETUSER {admin} -config|rewrite", {}, errors.AccessDenied, "may not run CONFIG REWRITE"),
        ("SETUSER {admin} -@all", {}, errors.AccessDenied, "may not read the user"),
        ("SETUSER {admin} resetpass", {}, errors.Unavailable, "refuses the admin login"),
        ("SETUSER {admin} on", {"save": "acl_file"}, errors.InvalidInput, "keeps its users in no ACL file"),
    ],
)
def test_what_is_in_the_way_is_named_before_anything_is_sent(
    world: World, command: str, options: dict[str, Any], error: type, words: str
) -> None:
    world.run(command.format(user=world.user, admin=world.admin))
    with pytest.raises(error) as raised:
        world.target(**options).precheck(world.modules)
    assert words in str(raised.value)


def test_a_user_that_is_off_is_named_because_no_password_opens_it(world: World) -> None:
    world.run("SETUSER {} off".format(world.user))
    assert world.probe(OLD) == [steps.REFUSED]
    assert "it is off" in world.target().find_obstacle(world.modules, world.value(OLD))


def test_a_server_that_does_not_answer_is_left_when_the_time_is_over(world: World) -> None:
    with proxy.running(world.server.host, world.server.port) as between:
        between.mode = proxy.slow(600)
        world.modules.time_left = lambda: 0.5  # type: ignore[method-assign]
        target = world.target(urls=["redis://{}:{}".format(between.host, between.port)])
        assert target.apply(world.modules, world.value(NEW)) == steps.UNAVAILABLE
        assert target.probe(world.modules, world.value(OLD)) == steps.UNAVAILABLE
        with pytest.raises(errors.Unavailable):
            target.precheck(world.modules)


def test_addresses_that_cannot_be_used_are_refused_by_the_name_of_their_option(world: World) -> None:
    for options, option in (
        ({"urls": ["redis://db.example.com:6379"]}, "redis.urls"),
        ({"urls": ["http://127.0.0.1"]}, "redis.urls"),
        ({"urls": ["redis://127.0.0.1:1", "redis://127.0.0.1:1/2"]}, "redis.urls"),
        ({"urls": []}, "redis.urls"),
        ({"urls": ["rediss://db.example.com"], "ca_cert": "/nowhere/ca.pem"}, "redis.ca_cert"),
        ({"own_login": True}, "redis.admin_user"),
    ):
        with pytest.raises(errors.InvalidInput) as raised:
            world.target(**options).check()
        assert raised.value.option == option
    alone = {"admin_user": None, "admin_password": None, "own_login": True}
    with pytest.raises(errors.InvalidInput) as raised:
        world.target(**alone, urls=["redis://127.0.0.1:1", "redis://127.0.0.1:2"]).check()
    assert raised.value.option == "redis.own_login"
    stored = Value({"username": Secret("app"), "password": Secret("x"), "host": Secret("db.example.com"), "port": Secret("7000")})
    assert Redis({"save": "config"}, stored).describe() == {"urls": ["rediss://db.example.com:7000"], "user": "app"}


class TwoServers(ValkeyUser):
    """A user that two servers have, one of them behind the proxy."""

    def start(self) -> None:
        super().start()
        self.second = self._clean_up.enter_context(valkey_server.running())
        for user, password, rights in ((self._user, self._first, "+ping"), (self._admin, self._admin_password, "+acl +config")):
            self.second.ask("AUTH default " + self.second.password, "ACL SETUSER {} on >{} {}".format(user, password, rights))

    def options(self) -> Mapping[str, Any]:
        urls = ["redis://{}:{}".format(each.host, each.port) for each in (self._between, self.second)]
        return {**super().options(), "urls": urls}

    def opens_both(self, fields: Plain) -> list[bool]:
        command = "AUTH {} {}".format(fields["username"], fields["password"])
        return [self.opens(fields), "+PONG" in self.second.ask(command, "PING")]


def test_a_server_that_is_down_gets_the_password_in_a_later_run_and_the_old_one_is_kept_until_then(tmp_path: Path) -> None:
    service = TwoServers(tmp_path / "account")
    service.start()
    with contextlib.closing(contextlib.ExitStack()) as ending:
        ending.callback(service.stop)
        world = Rotated(service, tmp_path)
        first = world.values()["current"]
        service.shut()
        world.reopen, kept = (lambda: None), world.reopen  # type: ignore[method-assign]
        world.check = lambda: None  # type: ignore[method-assign]
        assert world.run() == "promoted"
        new = world.values()["current"]
        assert (service.opens_both(first), service.opens_both(new)) == ([True, True], [False, True])
        world.elapse(7200)
        world.run(SETTLE)
        assert world.values()["previous"] == first
        kept()
        for _each in range(4):
            world.elapse(7200)
            world.run(SETTLE)
        assert (service.opens_both(first), service.opens_both(new)) == ([False, False], [True, True])
        assert set(world.values()) == {"current"}
