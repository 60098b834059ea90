# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol `nebula`: what a command that misbehaves leads to, how many processes an operation takes, and what they get to see."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, List

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.backend import Custom
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    InsecurePermissions,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
    ReadOnly,
    Timeout,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, OPAQUE, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.backends.custom import run_recipe
from tests.conformance.records import METADATA, a_record
from tests.unit.backends.custom.commands import CAPABLE, open_custom, read_log, write_command

CANARY = "kV7-canary-9pQ"


@pytest.fixture
def answering(tmp_path: Path) -> Callable[..., Backend]:
    """Opens a store whose command does what some lines of Python say after it has said that it is able to do everything."""
    return lambda code, **options: open_custom(write_command(tmp_path, CAPABLE + code), **options)


@pytest.fixture
def logged(tmp_path: Path) -> Any:
    """A store of files whose command notes each request with its arguments and its environment, and the function that reads the notes."""
    log = tmp_path / "log"
    wrapper = """
import io, json, os, runpy, sys
content = sys.stdin.buffer.read()
with open({0!r}, "a") as file:
    file.write(json.dumps([json.loads(content), sys.argv, dict(os.environ)]) + chr(10))
sys.stdin = io.TextIOWrapper(io.BytesIO(content))
sys.path.insert(0, os.path.dirname({1!r}))
runpy.run_path({1!r}, run_name="__main__")
"""
    command = write_command(tmp_path, wrapper.format(str(log), run_recipe("file_store")[-1]))
    return open_custom(command, options={"directory": str(tmp_path / "store")}), lambda: read_log(log)


def calls(entries: List[Any]) -> List[str]:
    return [request["call"] for request, _argv, _environment in entries]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "answer(objects=[])\nanswer(objects=[])",
        'sys.stdout.write(\'{"protocol": 1, "objects": [\')',
        "sys.stdout.write('null')",
        "sys.stdout.write('[]')",
        "sys.stdout.write(chr(0) * 10)",
        "sys.stdout.write('[' * 100000)",
        "answer()",
        "answer(objects={})",
        "answer(objects=[1])",
        "answer(objects=[{'path': 'other', 'token': 't', 'fields': {}}])",
        "answer(objects=[{'path': 'db_pass', 'fields': {}}])",
        "answer(objects=[{'path': 'db_pass', 'token': 't', 'fields': {}}] * 2)",
        "answer(error='no')",
        "answer(error={'code': 'of my own'})",
        "answer(error={'code': ['not_found']})",
        "answer(objects=[]); sys.exit(1)",
        "os.kill(os.getpid(), 9)",
    ],
)
def test_an_answer_that_is_none_is_unavailable_and_never_missing(answering: Callable[..., Backend], code: str) -> None:
    with pytest.raises(Unavailable):
        answering(code).get("db_pass")


@pytest.mark.parametrize("token", ["", None, 1, "t" * 1001])
def test_a_write_without_a_token_has_an_unknown_outcome(answering: Callable[..., Backend], token: Any) -> None:
    backend = answering("answer(objects=[]) if request['call'] == 'read' else answer(token={0!r})".format(token))
    with pytest.raises(Unavailable) as caught:
        backend.put(a_record("db_pass"), create=True)
    assert caught.value.outcome_unknown


def test_a_write_that_was_cut_off_is_found_again_and_not_made_twice(tmp_path: Path) -> None:
    command = write_command(
        tmp_path,
        """
import io, json, os, runpy, sys
content = sys.stdin.buffer.read()
mark = {0!r}
sys.stdin = io.TextIOWrapper(io.BytesIO(content))
sys.path.insert(0, os.path.dirname({1!r}))
cut = json.loads(content)["call"] == "write" and not os.path.exists(mark)
if cut:
    open(mark, "w").close()
    sys.stdout = io.StringIO()
runpy.run_path({1!r}, run_name="__main__")
""".format(str(tmp_path / "cut"), run_recipe("file_store")[-1]),
    )
    backend = resilient(
        Custom({"command": command, "options": {"directory": str(tmp_path / "store")}}, BackendContext("prod")),
        {"read_timeout": 120.0, "write_timeout": 120.0},
    )
    backend.connect()
    stored = backend.put(a_record("db_pass"), ABSENT, create=True)
    assert (tmp_path / "cut").exists()
    assert (stored.version, backend.get("db_pass").version) == ("1", "1")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("conflict", Conflict), ("login_failed", LoginFailed), ("read_only", ReadOnly), ("too_large", TooLarge), ("unavailable", Unavailable)],
)
def test_an_error_has_the_class_of_its_code_and_hides_the_commands_own_words(
    answering: Callable[..., Backend], code: str, kind: Any
) -> None:
    said = "answer(error={{'code': '{0}', 'message': '{1}', 'retry_after': 2}})".format(code, CANARY)
    with pytest.raises(kind) as caught:
        answering(said).get("db_pass")
    assert CANARY not in str(caught.value)
    assert "show_messages: true" in str(caught.value)
    assert caught.value.retry_after == 2.0
    with pytest.raises(kind, match=CANARY):
        answering(said, show_messages=True).get("db_pass")


def test_its_error_output_is_shown_only_where_that_is_written_out_shortened_and_without_control_characters(
    answering: Callable[..., Backend],
) -> None:
    code = "sys.stderr.write('x' * 5000 + chr(27) + '[31m' + '{0}'); sys.exit(4)".format(CANARY)
    with pytest.raises(Unavailable, match="ended with status 4") as caught:
        answering(code).get("db_pass")
    assert CANARY not in str(caught.value)
    with pytest.raises(Unavailable, match=CANARY) as caught:
        answering(code, show_messages=True).get("db_pass")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_one_that_hangs_ends_with_the_time_of_the_operation(answering: Callable[..., Backend]) -> None:
    backend = answering("time.sleep(600)")
    with deadline.within(3.0, "get"), pytest.raises(Timeout, match="get did not end"):
        backend.get("db_pass")


@pytest.mark.parametrize("version", [2, "1", None, True])
def test_another_version_of_the_protocol_is_refused_with_both(tmp_path: Path, version: Any) -> None:
    code = "import json, sys; sys.stdin.read(); print(json.dumps({{'protocol': {0!r}, 'writes': True}}))".format(version)
    with pytest.raises(InvalidConfiguration, match="of the protocol, and this collection 1"):
        open_custom(write_command(tmp_path, code)).get("db_pass")


@pytest.mark.parametrize("said", ["writes=1", "", "writes=True, max_bytes=0", "writes=True, max_bytes='1'", "writes=True, location=1"])
def test_abilities_of_another_shape_are_refused(tmp_path: Path, said: str) -> None:
    code = "import json, sys; sys.stdin.read(); print(json.dumps(dict(protocol=1, {0})))".format(said)
    with pytest.raises(Unavailable, match="'capabilities' in another shape"):
        open_custom(write_command(tmp_path, code)).get("db_pass")


def test_a_command_that_only_reads_gets_no_write(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = CAPABLE.replace("writes=True", "writes=False") + "open({0!r}, 'a').write(request['call'] + ' '); answer(objects=[])".format(
        str(log)
    )
    backend = open_custom(write_command(tmp_path, code))
    for write in (lambda: backend.put(a_record("db_pass"), create=True), lambda: backend.write_store_document(b"x", None)):
        with pytest.raises(ReadOnly):
            write()
    with pytest.raises(ReadOnly):
        check_takes_writes(backend)
    assert set(log.read_text().split()) <= {"read"}


def test_a_value_over_its_limit_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    code = (
        CAPABLE.replace("writes=True", "writes=True, max_bytes=2000") + "answer(objects=[]) if request['call'] == 'read' else sys.exit(9)"
    )
    with pytest.raises(TooLarge, match="takes 2000"):
        open_custom(write_command(tmp_path, code)).put(a_record("db_pass", value=b"x" * 2000), create=True)


def test_each_operation_takes_the_processes_that_it_says(logged: Any) -> None:
    backend, read = logged
    stored = backend.put(a_record("db_pass"), ABSENT, create=True)
    assert calls(read()) == ["capabilities", "read", "write"]
    before = len(read())
    assert set(backend.get_many(["db_pass", "absent", *("n{0}".format(number) for number in range(20))])) == {"db_pass"}
    assert calls(read())[before:] == ["read"]
    backend.get("db_pass")
    assert calls(read())[before:] == ["read", "read"]
    assert list(backend.find_stages("db_pass")) == []
    assert [row.name for row in backend.list(Filter())] == ["db_pass"]
    assert calls(read())[before:] == ["read", "read", "read", "list"]
    backend.put(a_record("db_pass", value=b"two"), backend.get("db_pass").etag)
    assert calls(read())[before + 4 :] == ["read", "write", "write"], "a read, the copy of the former value, the new one"
    assert stored.version == "1"


def test_neither_secret_nor_value_is_in_the_arguments_or_the_environment(logged: Any, tmp_path: Path) -> None:
    command, read = logged[0].settings["command"], logged[1]
    options = {"directory": str(tmp_path / "store")}
    backend = open_custom(command, options=options, secret=CANARY)
    backend.put(a_record("db_pass", value=CANARY.encode() + b"-2"), create=True)
    entries = read()
    assert all(request["secret"] == CANARY for request, _argv, _environment in entries)
    assert all(request["options"] == options for request, _argv, _environment in entries)
    assert CANARY not in json.dumps([[argv, environment] for _request, argv, environment in entries])


def test_its_secret_can_come_from_a_file_that_only_this_user_reads(logged: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY + "\n")
    file.chmod(0o600)
    command, read = logged[0].settings["command"], logged[1]
    backend = open_custom(command, options={"directory": str(tmp_path / "store")}, secret_file=str(file))
    with pytest.raises(NotFound):
        backend.get("absent")
    assert read()[0][0]["secret"] == CANARY


def test_what_another_tool_wrote_is_read_as_opaque(answering: Callable[..., Backend]) -> None:
    found = answering("answer(objects=[{'path': 'db_pass', 'token': 't', 'fields': {'password': 'pw', 'port': 5432}}])").get("db_pass")
    assert found.type == OPAQUE
    assert {key: value.expose() for key, value in found.fields.items()} == {"password": b"pw", "port": b"5432"}
    assert found.version == "+other"


def test_a_value_that_another_tool_changed_shows_that_and_keeps_its_former_versions(tmp_path: Path) -> None:
    backend = open_custom(run_recipe("file_store"), options={"directory": str(tmp_path)})
    backend.put(a_record("db_pass"), create=True)
    file = tmp_path / "db_pass.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "fields": {"password": "changed"}}))
    found = backend.get("db_pass")
    assert (found.version, found.fields["password"].expose()) == ("1+other", b"changed")
    with pytest.raises(Conflict):
        backend.put(a_record("db_pass"), Etag("1", 0))
    assert backend.put(a_record("db_pass", value=b"ours"), found.etag).version == "3"
    assert [each.version for each in backend.versions("db_pass")] == ["3", "2"]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"command": []}, "command"),
        ({"command": ["bin/x"]}, "command"),
        ({"command": ["/no/such/program"]}, "command"),
        ({"command": ["true"], "address": "https://{name}"}, "address"),
        ({"command": ["true"], "keep_versions": -1}, "keep_versions"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(options: Any, option: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Custom(options, BackendContext("prod")).connect()
    assert caught.value.option == option


def test_a_program_that_everyone_can_change_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o777)
    with pytest.raises(InsecurePermissions, match="everyone can change"):
        open_custom([str(program)])


def test_a_script_that_everyone_can_change_is_refused_behind_its_interpreter_too(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("print('x')\n")
    script.chmod(0o666)
    with pytest.raises(InsecurePermissions, match=r"everyone can change .*script"):
        open_custom([sys.executable, str(script)])


def test_a_file_that_cannot_be_executed_and_a_whole_command_line_are_said_as_that(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("print('x')\n")
    for command, message in (([str(script)], "is not executable.* chmod u\\+x"), (["python3 /x.py"], "each argument")):
        with pytest.raises(InvalidConfiguration, match=message):
            open_custom(command)


def test_a_command_that_fails_is_shown_with_its_directory(tmp_path: Path) -> None:
    """A relative path in its arguments starts there."""
    with pytest.raises(Unavailable, match="it ran in the directory / and ended with status 2"):
        open_custom([sys.executable, "script.py"]).get("db_pass")


def test_two_stores_of_one_place_have_one_location(tmp_path: Path) -> None:
    first, second, other = (
        open_custom(run_recipe("file_store"), options={"directory": str(tmp_path / name)}, keep_versions=number)
        for name, number in (("a", 1), ("a", 2), ("b", 1))
    )
    assert first.location() == second.location() != other.location()  # type: ignore[attr-defined]  # Located
    assert first.locate("app/db") == {"command": os.path.basename(run_recipe("file_store")[0]), "path": "app/db"}  # type: ignore[attr-defined]


def test_the_place_of_a_value_is_its_name_and_of_everything_else_below_one_directory(tmp_path: Path) -> None:
    backend = open_custom(run_recipe("file_store"), options={"directory": str(tmp_path)})
    for stage in ("current", "pending"):
        backend.put(Record("app/db", fields={"value": Secret("x")}, metadata=METADATA, stage=stage), create=True)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert names == [".nebula/pending/app/db.json", "app/db.json"]
