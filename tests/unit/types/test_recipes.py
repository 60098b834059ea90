# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of custom types that a recipe of the store renews: by a command that runs, by a request to a service (C12)."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InteractionRequired,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    RefreshFailed,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import credential_rotate
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import patterns
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.request import find_in
from tests.servers import scripted
from tests.servers.scripted import Answer

CANARY = "c4n4ry-c4n4ry"
LOGIN = {"user": Secret("jo"), "password": Secret(CANARY)}
DECLARED = [
    {"name": "token", "refreshed_by": "door", "primary": True, "max_length": 40},
    {"name": "again", "refreshed_by": "door"},
    {"name": "user", "secret": False},
    {"name": "password"},
]
COMMAND = """
import json, pathlib, sys
here = pathlib.Path(sys.argv[1])
calls = here / "calls"
request = json.load(sys.stdin)
calls.open("a").write(json.dumps(request) + "\\n")
print((here / "answer").read_text(), end="")
sys.exit(int((here / "status").read_text()))
"""


class Door:
    """A store with one recipe, and a credential that it renews. `ahead` moves the clock of the store."""

    def __init__(self, recipe, declared=None, **fields):
        self.ahead, self.warnings = timedelta(0), []
        config = {"audit": "off", "backend": "memory", "refreshes": {"door": recipe}}
        opened = open_store(config, name="prod", warn=self.warnings.append)
        self.manager = CredentialManager(opened.backend, store="prod", clock=lambda: datetime.now(timezone.utc) + self.ahead)
        self.write(DECLARED if declared is None else declared, **(fields or LOGIN))

    def write(self, declared=None, **fields):
        return self.manager.ensure(DesiredCredential("door", type="custom", fields=fields, declared=declared)).credential

    def read(self, field=None):
        return self.manager.get("door").token(field).expose().decode()


class Program:
    """The command of a recipe: what it answers with is set, and what it was given is kept."""

    def __init__(self, directory):
        self.directory = directory
        self.recipe = {"command": [sys.executable, str(directory / "renew.py"), str(directory)]}
        (directory / "renew.py").write_text(COMMAND)
        self.answer()

    def answer(self, status=0, text=None, **answer):
        (self.directory / "answer").write_text(
            json.dumps(answer or {"fields": {"token": "t1"}, "expires_in": 3600}) if text is None else text
        )
        (self.directory / "status").write_text(str(status))

    @property
    def calls(self):
        path = self.directory / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


def test_the_first_read_runs_the_command_and_all_others_share_its_value(program):
    door = Door(program.recipe)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _each: door.read(), range(8))) == {"t1"}
    assert program.calls == [{"protocol": 1, "call": "refresh", "fields": {"user": "jo", "password": CANARY}}]


def test_what_was_used_up_is_not_sent_again_if_the_new_value_cannot_be_checked(program, monkeypatch):
    """The system may be too busy to start the process that compares patterns."""
    door = Door(program.recipe, declared=[dict(DECLARED[0], pattern="t[0-9]"), *DECLARED[1:]])

    def refuse(_rows):
        raise Unavailable("the system cannot start another process now")

    with monkeypatch.context() as busy:
        busy.setattr(patterns, "find_mismatch", refuse)
        with pytest.raises(InteractionRequired):
            door.read()
    with pytest.raises(InteractionRequired):
        door.read()
    assert len(program.calls) == 1


def test_a_value_is_renewed_before_its_end_with_what_the_last_refresh_has_returned(program):
    door = Door(program.recipe)
    program.answer(fields={"token": "t1", "again": "a1"}, expires_in=3600)
    assert door.read("again") == "a1"
    program.answer(fields={"token": "t2", "again": "a2"}, expires_in=3600)
    door.ahead = timedelta(seconds=3600 - 299)
    assert (door.read(), door.read("password")) == ("t2", CANARY)
    assert program.calls[-1]["fields"] == {"user": "jo", "password": CANARY, "token": "t1", "again": "a1"}
    assert len(program.calls) == 2


@pytest.mark.parametrize(
    ("answer", "recipe", "lasts"),
    [
        ({"fields": {"token": "t"}, "expires_in": "60"}, {}, 60),
        ({"fields": {"token": "t"}, "expires_at": "2100-01-01T00:00:00Z"}, {}, None),
        ({"fields": {"token": "t"}}, {"lifetime": "2h"}, 7200),
        ({"fields": {"token": 7}, "expires_in": 60}, {"lifetime": "2h"}, 60),
    ],
)
def test_the_end_of_a_value_is_what_the_answer_says_else_its_lifetime(program, answer, recipe, lasts):
    program.answer(**answer)
    door = Door({**program.recipe, **recipe})
    began = datetime.now(timezone.utc)
    assert door.read() == str(answer["fields"]["token"])
    ends = door.manager.inspect("door").expires_at
    if lasts is None:
        assert ends == datetime(2100, 1, 1, tzinfo=timezone.utc)
    else:
        assert began + timedelta(seconds=lasts) <= ends <= datetime.now(timezone.utc) + timedelta(seconds=lasts)


def test_a_field_that_holds_the_expiry_may_be_renewed_too(program):
    program.answer(fields={"token": "t", "until": "4102444800"})
    door = Door(program.recipe, [*DECLARED, {"name": "until", "secret": False, "expiry": True, "refreshed_by": "door"}])
    assert door.read() == "t"
    assert door.manager.inspect("door").expires_at == datetime(2100, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ({"text": "no JSON " + CANARY}, "gave no answer: it wrote something else"),
        ({"fields": {"token": CANARY + "\ud800"}}, "gave no answer: it wrote something else"),
        ({"status": 3}, "ended with status 3"),
        ({"fields": {"stranger": CANARY}}, "not declared with 'refreshed_by': 'stranger'"),
        ({"fields": {"user": CANARY}}, "not declared with 'refreshed_by': 'user'"),
        ({"fields": {"token": CANARY * 9}}, "field 'token' of type 'custom' has more than 40 characters"),
        ({"fields": {"token": [CANARY]}}, "has no text for the field 'token'"),
        ({"fields": {"token": "t"}, "expires_in": "soon"}, "no number of seconds"),
        ({"fields": {"token": "t"}, "expires_at": "soon"}, "no time"),
        ({"error": {"code": CANARY}}, "none of the codes"),
    ],
)
@pytest.mark.parametrize("repeatable", [True, False])
def test_an_answer_that_is_none_is_an_error_and_is_not_shown(program, answer, what, repeatable):
    """What works once counts as used up then: it is not sent again."""
    door = Door({**program.recipe, "repeatable": repeatable})
    program.answer(**answer)
    with pytest.raises(Exception, match=what if repeatable else "the response to its last refresh was lost") as caught:
        door.read()
    assert CANARY not in str(caught.value)
    program.answer()
    if repeatable:
        assert door.read() == "t1"
    else:
        with pytest.raises(InteractionRequired):
            door.manager.refresh("door")
        assert len(program.calls) == 1


@pytest.mark.parametrize(
    ("code", "repeatable", "error", "is_remembered"),
    [
        ("refresh_failed", True, LoginFailed, False),
        ("refresh_failed", False, RefreshFailed, True),
        ("interaction_required", True, InteractionRequired, True),
        ("unavailable", False, RefreshFailed, False),
    ],
)
def test_what_a_command_reports_is_an_error_without_its_words(program, code, repeatable, error, is_remembered):
    door = Door({**program.recipe, "repeatable": repeatable})
    program.answer(status=1, error={"code": code, "message": CANARY})
    with pytest.raises(error) as caught:
        door.read()
    assert CANARY not in str(caught.value)
    program.answer()
    if is_remembered:
        with pytest.raises((RefreshFailed, InteractionRequired)):
            door.read()
        door.manager.refresh("door")
    assert door.read() == "t1"


def test_the_words_of_a_command_are_shown_if_the_recipe_says_so(program):
    door = Door({**program.recipe, "repeatable": True, "show_messages": True})
    program.answer(error={"code": "refresh_failed", "message": "the badge is blocked"})
    with pytest.raises(LoginFailed, match="It said: the badge is blocked"):
        door.read()


def test_a_refresh_token_is_not_lost_with_a_change_of_another_field(program):
    door = Door(program.recipe, **LOGIN, again=Secret("a0"))
    program.answer(fields={"token": "t1", "again": "a1"}, expires_in=3600)
    assert door.read() == "t1"
    door.write(user=Secret("joanna"))
    door.manager.refresh("door")
    assert program.calls[-1]["fields"] == {"user": "joanna", "password": CANARY, "token": "t1", "again": "a1"}
    door.write(again=Secret("b0"))
    door.manager.refresh("door")
    assert program.calls[-1]["fields"] == {"user": "joanna", "password": CANARY, "again": "b0"}


def test_a_store_without_the_recipe_returns_the_value_and_refuses_to_renew_it(program):
    door = Door(program.recipe)
    assert door.read() == "t1"
    object.__setattr__(door.manager.backend.context, "recipes", {})
    assert door.read() == "t1"
    for refuse in (door.manager.refresh, lambda name: door.manager.refresh(name, check=True)):
        with pytest.raises(RefreshFailed, match="the store has no refresh 'door'"):
            refuse("door")
    assert len(program.calls) == 1


def test_a_declaration_that_names_no_recipe_of_the_store_is_refused(program):
    door = Door(program.recipe)
    with pytest.raises(InvalidInput, match=r"the store has no refresh 'gate', .* It has: door"):
        door.write([{"name": "pin", "refreshed_by": "gate"}])


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ([{"name": "pin", "refreshed_by": {"command": ["true"]}}], "has no name of a refresh .* Only 'refreshes' of a store in nebula.yml"),
        ([{"name": "pin", "command": ["true"]}], "has unknown keys: 'command'"),
        ([{"name": "pin", "refreshed_by": "a"}, {"name": "key", "refreshed_by": "b"}], "names several recipes"),
        ([{"name": "pin", "refreshed_by": "a"}, {"name": "key", "binary": True}], "has a binary field"),
    ],
)
def test_a_declaration_holds_a_name_of_a_recipe_and_never_one(declared, what):
    with pytest.raises(InvalidInput, match=what):
        Custom.declare(declared)


def test_a_value_that_a_recipe_makes_is_neither_generated_nor_rotated(program):
    door = Door(program.recipe)
    with pytest.raises(InvalidInput, match="no option length for a field that is refreshed"):
        door.manager.ensure(DesiredCredential("gate", type="custom", declared=DECLARED, generate={"length": 12}))
    with pytest.raises(InvalidInput, match="Get a new value with credential_refresh"):
        credential_rotate(door.manager, {"name": "door", "target": "none"}, NOBODY, False)
    assert program.calls == []


def serve(service, **recipe):
    return {"url": service.url + "/tokens/{user}?as={user}", "fields": {"token": "/data/0/token"}, "expires_in": "/ttl", **recipe}


def test_a_request_carries_the_fields_where_the_recipe_names_them():
    with scripted.running(lambda _request: Answer(content={"data": [{"token": "t1"}], "ttl": 600})) as service:
        recipe = serve(
            service, headers={"X-Who": "{user}"}, json={"a": ["{password}", 1], "{user}": "{ no field }"}, basic=["user", "password"]
        )
        door = Door(recipe, user=Secret("jo/x"), password=Secret(CANARY))
        assert door.read() == "t1"
        (sent,) = service.asked
    assert (sent.method, sent.path) == ("POST", "/tokens/jo%2Fx?as=jo%2Fx")
    assert sent.json == {"a": [CANARY, 1], "{user}": "{ no field }"}


def test_the_login_of_a_request_may_be_two_fields_and_its_content_a_form():
    with scripted.running(lambda _request: Answer(content={"token": "t1"})) as service:
        form = {"code": "{password}"}
        recipe = serve(service, fields={"token": "/token"}, form=form, basic=["user", "password"], method="PUT", lifetime="1h")
        assert Door(recipe).read() == "t1"
        (sent,) = service.asked
    login = "Basic am86YzRuNHJ5LWM0bjRyeQ=="
    assert (sent.method, sent.content, sent.headers["authorization"]) == ("PUT", b"code=" + CANARY.encode(), login)


@pytest.mark.parametrize(
    ("answer", "repeatable", "error", "what"),
    [
        (Answer(403, {"detail": CANARY}), True, LoginFailed, "responded with status 403"),
        (Answer(403, {"detail": CANARY}), False, RefreshFailed, "responded with status 403"),
        (Answer(503), True, RefreshFailed, "gave no new value"),
        (Answer(500), False, InteractionRequired, "was lost"),
        (Answer(503), False, InteractionRequired, "was lost"),
        (Answer(503, headers={"Retry-After": "9"}), False, RefreshFailed, "gave no new value"),
        (Answer(content={"token": CANARY}), True, Exception, "has nothing at the place of token"),
        (Answer(content=b"no JSON"), True, Exception, "is no JSON"),
        (Answer(content=b'{"token": "\\ud800"}'), True, Exception, "is no JSON"),
    ],
)
def test_a_response_that_brings_no_value_is_an_error_without_its_words(answer, repeatable, error, what):
    with scripted.running(lambda _request: answer) as service, pytest.raises(error, match=what) as caught:
        Door(serve(service, repeatable=repeatable)).read()
    assert CANARY not in str(caught.value)


def test_a_field_without_a_value_is_named_and_nothing_is_sent():
    with scripted.running() as service:
        with pytest.raises(LoginFailed, match="needs the field 'user', which has no value"):
            Door(serve(service, repeatable=True), password=Secret("x")).read()
        assert service.asked == []


@pytest.mark.parametrize(
    ("recipe", "option", "what"),
    [
        ({}, "refreshes.door", "neither 'command' nor 'url'"),
        ("door", "refreshes.door", "a refresh is a mapping"),
        ({"command": ["renew"], "url": "https://a.test"}, "refreshes.door.url", "no meaning with 'command'"),
        ({"url": "https://a.test", "fields": {"a": "/a"}, "environment": ["A"]}, "refreshes.door.environment", "no meaning with 'url'"),
        ({"commands": ["renew"]}, "refreshes.door.commands", "no such option"),
        ({"command": ["./renew"]}, "refreshes.door.command", "relative path"),
        ({"command": ["renew"], "lifetime": "soon"}, "refreshes.door.lifetime", "duration"),
        ({"url": "http://a.test", "fields": {"a": "/a"}}, "refreshes.door.url", "plain HTTP"),
        ({"url": "https://{host}/", "fields": {"a": "/a"}}, "refreshes.door.url", "a field stands for the server"),
        ({"url": "https://a.test"}, "refreshes.door.fields", "is missing"),
        ({"url": "https://a.test", "fields": {"a": "a"}}, "refreshes.door.fields.a", "no JSON pointer"),
        ({"url": "https://a.test", "fields": {"a": "/a"}, "form": {}, "json": {}}, "refreshes.door.json", "there is 'form', too"),
        ({"url": "https://a.test", "fields": {"a": "/a"}, "basic": ["a"]}, "refreshes.door.basic", "two names"),
        ({"url": "https://a.test", "fields": {"a": "/a"}, "method": "DELETE"}, "refreshes.door.method", "not allowed"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_when_the_store_is_opened(recipe, option, what):
    with pytest.raises(InvalidConfiguration, match=what) as caught, closing(
        open_store({"backend": "memory", "refreshes": {"door": recipe}})
    ):
        pass
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("/a/1/b", 7), ("/a/2", None), ("/c~1d", 8), ("/e~0f", 9), ("/a/x", None), ("/nothing/there", None), ("/a/01x", None)],
)
def test_a_pointer_finds_what_rfc_6901_says(pointer, found):
    assert find_in({"a": [0, {"b": 7}], "c/d": 8, "e~f": 9}, pointer) == found
