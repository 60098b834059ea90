# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `http` against an API whose every request a test can lose or refuse: values that are sent, and values that it makes."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.http import Http
from tests.servers import scripted
from tests.servers.scripted import Answer, Request
from tests.unit.rotation.targets.driven_world import LONG, World

ADMIN = "the-admins-word"
FIRST = "first-word"


class Api:
    """Takes passwords of a user, and makes keys. `disturbed` says by the number of a changing request, from 1, what happens to it."""

    def __init__(self) -> None:
        self.passwords = {FIRST}
        self.keys = {"k0": {"id": "k0", "secret": FIRST, "note": "by hand", "made": 0}}
        self.replaces, self.slots = True, 2
        self.disturbed: dict[int, str] = {}
        self.changes = 0
        self.deleted: list[str] = []
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.method == "GET" and request.path == "/me":
            return self.open(request)
        if request.headers.get("authorization") != "Bearer " + ADMIN:
            return Answer(401, {})
        if request.method == "GET":
            return Answer(200, {"data": [dict(key, secret="") for key in self.keys.values()]})
        self.changes += 1
        fate = self.disturbed.get(self.changes, "")
        if fate in ("dropped", "busy", "refused"):
            return {"dropped": Answer(hangs_up=True), "busy": Answer(429, {}), "refused": Answer(422, {})}[fate]
        answer = self.change(request)
        return Answer(hangs_up=True) if fate == "lost" else Answer(int(fate), {}) if fate.isdigit() else answer

    def open(self, request: Request) -> Answer:
        given = base64.b64decode(request.headers["authorization"].partition(" ")[2]).decode().partition(":")[2]
        return Answer(200 if given in self.passwords or given in [key["secret"] for key in self.keys.values()] else 401, {})

    def change(self, request: Request) -> Answer:
        if request.path.startswith("/keys"):
            return self.change_keys(request)
        given = request.json["password"] if request.method == "PUT" else parse_qs(request.content.decode())["password"][0]
        if request.method == "PUT":
            self.passwords = {given} if self.replaces else self.passwords | {given}
        else:
            self.passwords.discard(given)
        return Answer(204)

    def change_keys(self, request: Request) -> Answer:
        if request.method == "DELETE":
            name = request.path.rpartition("/")[2]
            self.deleted.append(name)
            return Answer(204 if self.keys.pop(name, None) else 404)
        if len(self.keys) >= self.slots:
            return Answer(409, {})
        name = "k{0}".format(self.changes)
        self.keys[name] = {"id": name, "secret": "made-" + name, "note": request.json.get("note", ""), "made": int(time.time())}
        return Answer(201, {"data": {"key": self.keys[name]}})


@pytest.fixture
def api() -> Iterator[Api]:
    found = Api()
    with scripted.running(found) as server:
        found.url = server.url  # type: ignore[attr-defined]
        yield found


PROBE = {"path": "/me", "basic": {"username": "$(field.username)", "password": "$(value)"}}


def describe(api: Any, **changes: Any) -> dict[str, Any]:
    shared = {"url": api.url, "headers": {"Authorization": "Bearer $(admin.password)"}, "admin_credential": "admin", "probe": PROBE}
    return {**shared, **changes}


def sends(api: Any, *, dual: bool = False) -> World:
    """A world in which values are sent."""
    api.replaces, api.passwords, api.keys = not dual, {FIRST}, {}
    options = describe(api, apply={"path": "/users/$(field.username)", "json": {"password": "$(value)", "by": "$$(value)"}})
    if dual:
        options.update(overlap="dual", retire={"path": "/users/$(field.username)", "form": {"password": "$(value)"}})
    return build(api, options)


def makes(api: Any, *, marks: bool = True, **changes: Any) -> World:
    """A world in which the service makes keys."""
    api.passwords, api.keys, api.deleted = set(), Api().keys, []
    note = {"note": "$(mark)"} if marks else {}
    listed = {"path": "/keys", "items": "data", "id": "id", "created": "made", **({"mark": "note"} if marks else {})}
    options = describe(
        api,
        make={"path": "/keys", "json": {"of": "$(field.username)", **note}, "value": "data.key.secret", "id": "data.key.id"},
        list=listed,
        retire={"path": "/keys/$(id)"},
        id_field="username",
        **changes,
    )
    return build(api, options)


def build(api: Any, options: dict[str, Any]) -> World:
    def opens(fields: Any) -> bool:
        return fields["password"] in api.passwords or fields["password"] in [key["secret"] for key in api.keys.values()]

    name = "k0" if "make" in options else "app"
    world = World("http", "basic", {"username": name, "password": FIRST}, options, opens)
    world.add("admin", "basic", {"username": "root", "password": ADMIN})
    api.disturbed, api.changes = {}, 0
    return world


def test_a_value_is_sent_tried_and_kept_out_of_every_address(api: Any) -> None:
    world = sends(api)
    assert world.rotate()["outcome"] == "promoted"
    new = (world.fields() or {})["password"]
    assert api.passwords == {new}
    assert not [request.path for request in api.asked if FIRST in request.path or new in request.path or ADMIN in request.path]
    put = next(request for request in api.asked if request.method == "PUT")
    assert (put.path, put.json) == ("/users/app", {"password": new, "by": "$(value)"})
    # Before anything is sent, the current value and a wrong one are tried; then the new one, and a wrong one.
    assert [request.method for request in api.asked] == ["GET", "GET", "PUT", "GET", "GET"]


def test_with_overlap_both_values_open_until_the_grace_period_is_over(api: Any) -> None:
    world = sends(api, dual=True)
    world.rotate()
    new = (world.fields() or {})["password"]
    assert api.passwords == {FIRST, new}
    world.settle()
    assert api.passwords == {new}


@pytest.mark.parametrize("dual", [False, True], ids=["one-value", "two-values"])
@pytest.mark.parametrize("fate", ["lost", "dropped", "busy", "refused", "500", "503"])
def test_a_disturbed_change_loses_nothing(api: Any, dual: bool, fate: str) -> None:
    for number in range(1, 3 if dual else 2):
        world = sends(api, dual=dual)
        api.disturbed = {number: fate}
        try:
            world.rotate()
        except errors.RotationFailed:
            world.check()
        world.settle()
        assert api.passwords == {(world.fields() or {})["password"]}


@pytest.mark.parametrize("dual", [False, True], ids=["one-value", "two-values"])
def test_a_crash_at_any_step_loses_nothing(api: Any, dual: bool) -> None:
    world = sends(api, dual=dual)
    assert world.crash_everywhere(lambda: sends(api, dual=dual)) > 3


def test_a_refusal_names_the_status_alone(api: Any) -> None:
    world = sends(api)
    api.disturbed = {1: "refused"}
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "the target refused the new value (the server responded with status 422)" in str(raised.value)
    assert ADMIN not in str(raised.value)


def test_a_service_that_is_down_is_sent_nothing(api: Any) -> None:
    world = sends(api)
    world.options["url"] = "http://127.0.0.1:1"
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "127.0.0.1:1 cannot be reached" in str(raised.value)
    assert api.passwords == {FIRST}


def test_a_key_that_the_service_makes_is_stored_with_its_id_and_the_old_one_is_deleted_after_the_grace_period(api: Any) -> None:
    world = makes(api)
    assert world.rotate()["outcome"] == "promoted"
    assert world.fields() == {"username": "k1", "password": "made-k1"}
    assert set(api.keys) == {"k0", "k1"}
    world.settle()
    assert set(api.keys) == {"k1"}
    world.moved += LONG
    assert world.rotate()["outcome"] == "promoted"


@pytest.mark.parametrize("marks", [True, False], ids=["marked", "sole-owner"])
@pytest.mark.parametrize("fate", ["lost", "dropped", "busy", "refused", "500", "503"])
def test_a_key_whose_response_was_lost_is_deleted_and_nobody_elses(api: Any, marks: bool, fate: str) -> None:
    world = makes(api, marks=marks, **({} if marks else {"sole_owner": True}))
    api.disturbed = {1: fate}
    with pytest.raises(errors.RotationFailed):
        world.rotate()
    world.settle()
    assert set(api.keys) == {"k0"}
    assert set(api.deleted) <= {"k1"}
    assert world.rotate()["outcome"] == "promoted"


def test_a_stray_without_a_mark_is_named_and_left(api: Any) -> None:
    world = makes(api, marks=False)
    api.disturbed = {1: "lost"}
    with pytest.raises(errors.RotationFailed):
        world.rotate()
    world.moved += LONG
    result = world.rotate(phase="settle")
    assert result["outcome"] == "parked"
    assert "the service holds values that this rotation may have had made: k1" in result["rotation"]["reason"]
    assert (set(api.keys), api.deleted) == ({"k0", "k1"}, [])


def test_where_all_slots_are_taken_none_is_made(api: Any) -> None:
    world = makes(api)
    api.keys["other"] = {"id": "other", "secret": "x", "note": "", "made": 0}
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "accepts at most 2, so none was made: k0, other" in str(raised.value)
    assert api.changes == 0


def test_a_crash_at_any_step_with_a_service_that_makes_keys_leaves_one(api: Any) -> None:
    world = makes(api)
    assert world.crash_everywhere(lambda: makes(api)) > 4
    assert len(api.keys) <= 2


USED = {"url": "https://api.example.com", "overlap": "none", "allow_plain_http": False, "time_limit": 20, "propagation": 0, "probe": PROBE}
APPLY = {"path": "/x", "json": {"password": "$(value)"}}


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"apply": {**APPLY, "path": "/x?password=$(value)"}}, "http.apply.path"),
        ({"apply": {**APPLY, "path": "x"}}, "http.apply.path"),
        ({"apply": {**APPLY, "method": "FETCH"}}, "http.apply.method"),
        ({"apply": {**APPLY, "body": "x"}}, "http.apply.body"),
        ({"apply": {**APPLY, "jsn": {}}}, "http.apply"),
        ({"apply": {**APPLY, "json": {"password": "$(value2)"}}}, "http.apply"),
        ({"apply": {**APPLY, "done": [200], "refused": [200]}}, "http.apply.refused"),
        ({"apply": {**APPLY, "done": ["ok"]}}, "http.apply.done"),
        ({"apply": {**APPLY, "headers": {"a b": "c"}}}, "http.apply.headers"),
        ({"apply": {**APPLY, "basic": {"user": "x"}}}, "http.apply.basic"),
        ({"apply": APPLY, "probe": {**PROBE, "json": {}}}, "http.probe.json"),
        ({"apply": APPLY, "retire": APPLY}, "http.retire"),
        ({"apply": APPLY, "overlap": "dual"}, "http.retire"),
        ({"apply": APPLY, "slots": 3}, "http.slots"),
        ({"apply": APPLY, "headers": {"X-Key": "$(admin.password)"}}, "http.admin_credential"),
        ({"apply": APPLY, "admin_credential": {"password": Secret("x")}}, "http.admin_credential"),
        ({"apply": APPLY, "url": "http://api.example.com"}, "http.url"),
        ({"apply": APPLY, "url": "https://me:pw@api.example.com"}, "http.url"),
        ({"apply": APPLY, "time_limit": 900}, "http.time_limit"),
        ({"apply": APPLY, "max_request_life": 30}, "http.max_request_life"),
        ({"apply": APPLY, "make": {"path": "/x"}}, "http.apply"),
        ({}, "http.apply"),
        ({"make": {"path": "/x"}, "retire": {"path": "/x/$(id)"}}, "http.make.value"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_by_name(changes: dict[str, Any], option: str) -> None:
    target = Http({**USED, **changes}, Value({"username": Secret("app"), "password": Secret("x")}))
    with pytest.raises(errors.InvalidInput) as raised:
        target.check()
    assert raised.value.option == option


def test_a_request_dies_before_the_lease() -> None:
    traits = Http({**USED, "apply": APPLY, "time_limit": 240}, Value({})).traits
    assert traits.apply_limit < 300
    assert traits.apply_limit < traits.max_request_life


@pytest.mark.parametrize("value", [b"line\nbreak", "\u05d0".encode(), b"\xff"], ids=["line-break", "not-ascii", "no-text"])
def test_a_value_that_a_header_cannot_hold_is_refused_before_anything_is_begun(value: bytes) -> None:
    options = {**USED, "apply": {"path": "/x", "headers": {"X-New": "$(value)"}}}
    assert Http(options, Value({})).find_flaw(Value({"password": Secret(value)}))
