# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `rabbitmq` on an API of our own, and on a real RabbitMQ in the long profile. Whole rotations are in tests/targets."""

from __future__ import annotations

import json
import secrets
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.rabbitmq import RabbitMQ, build_hash
from tests.conftest import PROFILE
from tests.servers import once, rabbitmq_api, scripted
from tests.unit.rotation.targets.recorded_modules import Recorded

OLD, NEW = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
KINDS = ("own", "real") if PROFILE == "long" else ("own",)


class World:
    """A user of a server, and its administrator."""

    def __init__(self, server: Any) -> None:
        self.server, self.modules = server, Recorded(None)
        self.user, self.admin = ("{}/{}".format(name, secrets.token_hex(4)) for name in ("app", "admin"))
        self.put(self.user, {"password": OLD, "tags": ["impersonator", "mine"]})
        self.put(self.admin, {"password": OLD, "tags": "administrator"})

    def path(self, user: str) -> str:
        return "/api/users/" + user.replace("/", "%2F")

    def put(self, user: str, content: dict[str, Any]) -> int:
        status: int = self.server.ask("PUT", self.path(user), content)[0]
        return status

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.server.ask("GET", self.path(self.user))[1]
        return found

    def target(self, **options: Any) -> RabbitMQ:
        defaults = {name: option.default for name, option in RabbitMQ.options.items() if option.default is not None}
        where = {"url": self.server.url, "admin_user": self.admin, "admin_password": OLD}
        return RabbitMQ({**defaults, **where, **options}, self.value(OLD))

    def value(self, password: str) -> Value:
        return Value({"username": Secret(self.user), "password": Secret(password)})

    def probe(self, *passwords: str) -> list[str]:
        return [self.target().probe(self.modules, self.value(password)) for password in passwords]


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "real":
        made = World(once.rabbitmq())
        yield made
        for user in (made.user, made.admin):
            made.server.ask("DELETE", made.path(user))
        return
    with rabbitmq_api.running() as server:
        yield World(server)


@pytest.mark.parametrize("algorithm", ["rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512"])
def test_a_change_replaces_the_hash_alone_and_the_old_password_is_refused_at_once(world: World, algorithm: str) -> None:
    kept = {"password_hash": build_hash(OLD, algorithm), "hashing_algorithm": algorithm}
    world.put(world.user, {**kept, "tags": ["impersonator", "mine"]})
    before = world.read()
    target = world.target()
    target.precheck(world.modules)
    assert world.probe(OLD, NEW) == [steps.ACCEPTED, steps.REFUSED]
    assert target.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert world.probe(OLD, NEW) == [steps.REFUSED, steps.ACCEPTED]
    after = world.read()
    assert before["hashing_algorithm"] == algorithm
    assert before.pop("password_hash") != after.pop("password_hash")
    assert after == before


def test_no_password_is_sent_but_in_a_login() -> None:
    with rabbitmq_api.running() as server:
        world = World(server)
        server.asked.clear()
        world.target().apply(world.modules, world.value(NEW))
        assert [request.method for request in server.asked] == ["GET", "PUT"]
        assert NEW.encode() not in b"".join(request.content for request in server.asked)
        assert set(json.loads(server.asked[-1].content)) == {"password_hash", "hashing_algorithm", "tags"}


def test_a_user_who_may_not_use_the_api_is_told_from_a_wrong_password(world: World) -> None:
    for tags in ([], ["management"], ["mine"]):
        world.put(world.user, {"password": OLD, "tags": tags})
        assert world.probe(OLD, "wrong") == [steps.ACCEPTED, steps.REFUSED]


def test_a_user_without_a_password_and_a_missing_one_are_named(world: World) -> None:
    world.put(world.user, {"password_hash": "", "tags": ""})
    assert world.probe(OLD) == [steps.REFUSED]
    assert "it has none" in world.target().find_obstacle(world.modules, world.value(OLD))
    world.server.ask("DELETE", world.path(world.user))
    assert "has no user" in world.target().find_obstacle(world.modules, world.value(OLD))
    with pytest.raises(errors.NotFound):
        world.target().precheck(world.modules)
    assert world.target().apply(world.modules, world.value(NEW)) == steps.REFUSED


def test_an_administrator_who_may_not_change_users_is_named_before_anything_is_sent(world: World) -> None:
    with pytest.raises(errors.Unavailable) as raised:
        world.target(admin_password="wrong").precheck(world.modules)
    assert "refuses the admin login ({} at 127.0.0.1:".format(world.admin) in str(raised.value)
    for tags in ("monitoring", ""):
        world.put(world.admin, {"password": OLD, "tags": tags})
        with pytest.raises(errors.AccessDenied) as raised:
            world.target().precheck(world.modules)
        assert "tag 'administrator'" in str(raised.value)
        assert world.target().apply(world.modules, world.value(NEW)) == steps.REFUSED


def test_an_administrator_changes_its_own_password_and_has_no_way_back(world: World) -> None:
    world.put(world.user, {"password": OLD, "tags": "administrator"})
    own = world.target(own_login=True, admin_user=None, admin_password=None)
    own.precheck(world.modules)
    assert own.traits.rollback == "none"
    assert own.apply(world.modules, world.value(NEW)) == steps.APPLIED
    assert world.probe(OLD, NEW) == [steps.REFUSED, steps.ACCEPTED]
    own.precheck(world.modules)


def test_what_responses_mean() -> None:
    answers = {
        steps.UNKNOWN: (500, 502, 503, 504),
        steps.REFUSED: (400, 401, 403),
        steps.UNAVAILABLE: (429,),
    }
    user = {"name": "app", "tags": "", "hashing_algorithm": "rabbit_password_hashing_sha256"}
    for outcome, statuses in answers.items():
        for status in statuses:

            def answer(request: scripted.Request, status: int = status) -> scripted.Answer:
                return scripted.Answer(200, user) if request.method == "GET" else scripted.Answer(status)

            with scripted.running(answer) as server:
                target = RabbitMQ({"url": server.url, "admin_user": "admin", "admin_password": "x", "user": "app"}, Value({}))
                value = Value({"username": Secret("app"), "password": Secret(NEW)})
                assert target.apply(Recorded(None), value) == outcome
                server.script = lambda _request, status=status: scripted.Answer(status)  # type: ignore[misc]
                assert target.probe(Recorded(None), value) == steps.UNAVAILABLE
                with pytest.raises(errors.CredentialError):
                    target.precheck(Recorded(None))


def test_options_that_do_not_fit_are_refused_by_name(world: World) -> None:
    for options, option in (
        ({"url": "http://rabbit.example.com:15672"}, "rabbitmq.url"),
        ({"url": "rabbit.example.com"}, "rabbitmq.url"),
        ({"client_key": "/etc/key.pem"}, "rabbitmq.client_key"),
        ({"user": "a:b"}, "rabbitmq.user"),
        ({"own_login": True}, "rabbitmq.admin_user"),
        ({"admin_user": None}, "rabbitmq.admin_user"),
        ({"admin_user": world.user}, "rabbitmq.admin_user"),
    ):
        with pytest.raises(errors.InvalidInput) as raised:
            world.target(**options).check()
        assert raised.value.option == option
    world.target(url="http://rabbit.example.com:15672", allow_insecure_transport=True).check()
