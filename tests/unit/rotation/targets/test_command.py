# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `command`: real programs, what they are given, and what their exit status means."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import Command
from tests.unit.rotation.targets.local_programs import FileService, LocalPrograms
from tests.unit.rotation.targets.recorded_modules import Recorded

PROGRAMS = LocalPrograms()
EVERY_BYTE = bytes(range(1, 256)).replace(b"\n", b"")


def value(secret: Any = "new-word", **fields: Any) -> Value:
    others = {name: Secret(field) for name, field in fields.items()}
    return Value({"username": Secret("app"), "password": Secret(secret), **others})


@pytest.fixture
def service(tmp_path: Path) -> FileService:
    made = FileService(tmp_path)
    made.take(b"old-word")
    return made


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def target(service: FileService, **changes: Any) -> Command:
    return Command(service.options(**changes), value("old-word"))


@pytest.mark.parametrize("secret_in", ["stdin", "environment"])
@pytest.mark.parametrize("secret", ["new-word", "two words", "two\nlines\n", "\n", " ", "$HOME \\\\ '\"", "é", EVERY_BYTE])
def test_a_program_gets_the_value_unchanged(service: FileService, secret: Any, secret_in: str) -> None:
    reached = target(service, secret_in=secret_in)
    assert reached.apply(PROGRAMS, value(secret)) == steps.APPLIED
    assert service.held() == [secret.encode() if isinstance(secret, str) else secret]
    assert reached.probe(PROGRAMS, value(secret)) == steps.ACCEPTED


def test_every_byte_gets_through_standard_input_and_a_zero_byte_is_refused_in_the_environment(service: FileService) -> None:
    secret = b"\0" + EVERY_BYTE
    assert target(service).apply(PROGRAMS, value(secret)) == steps.APPLIED
    assert service.place.read_bytes() == secret
    in_environment = target(service, secret_in="environment")
    assert in_environment.apply(PROGRAMS, value(secret)) == steps.REFUSED
    assert in_environment.probe(PROGRAMS, value(secret)) == steps.UNAVAILABLE
    with pytest.raises(errors.InvalidInput) as raised:
        Command(service.options(secret_in="environment"), value(secret)).check()
    assert raised.value.option == "command.secret_in"


def test_the_environment_is_cleared_and_holds_every_field(service: FileService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "the controller's own")
    listing = tmp_path / "environment"
    reached = target(service, secret_in="environment", apply=shell("env > " + str(listing)))
    assert reached.apply(PROGRAMS, value(**{"api-host": "h"})) == steps.APPLIED
    found = dict(line.split("=", 1) for line in listing.read_text().splitlines())
    assert {name: found[name] for name in found if name.startswith("NEBULA")} == {
        "NEBULA_VALUE": "new-word",
        "NEBULA_FIELD_USERNAME": "app",
        "NEBULA_FIELD_PASSWORD": "new-word",
        "NEBULA_FIELD_API_HOST": "h",
    }
    assert set(found) - {"NEBULA_VALUE"} <= {"PATH", "HOME", "USER", "LANG", "PWD", "SHLVL", "_"} | {
        name for name in found if name.startswith("NEBULA_FIELD_")
    }


def test_a_field_with_a_name_of_another_alphabet_is_a_variable_too(service: FileService) -> None:
    fields = {"größe": "x"}
    given = value(**fields)
    reached = Command(service.options(secret_in="environment"), given)
    reached.check()
    assert reached.apply(PROGRAMS, given) == steps.APPLIED


@pytest.mark.parametrize("fields", [{"api-host": "a", "api_host": "b"}, {"ö": "a", "ä": "b"}, {"large": "x" * 200_000}])
def test_what_an_environment_cannot_hold_is_refused_before_anything_is_sent(service: FileService, fields: Any) -> None:
    in_environment = Command(service.options(secret_in="environment"), value(**fields))
    with pytest.raises(errors.InvalidInput) as raised:
        in_environment.check()
    assert raised.value.option == "command.secret_in"
    assert in_environment.apply(PROGRAMS, value(**fields)) == steps.REFUSED
    Command(service.options(), value(**fields)).check()


@pytest.mark.parametrize("secret_in", ["stdin", "environment"])
def test_no_program_has_the_value_in_its_arguments(service: FileService, secret_in: str) -> None:
    programs = LocalPrograms()
    reached = target(service, secret_in=secret_in, retire=service.command("drop"))
    for act in (reached.apply, reached.probe, reached.retire):
        act(programs, value())
    assert len(programs.arguments) == 3
    assert not any("word" in arguments for arguments in programs.arguments)


@pytest.mark.parametrize(
    ("status", "sent", "probed"),
    [
        (0, steps.APPLIED, steps.ACCEPTED),
        (77, steps.REFUSED, steps.REFUSED),
        (69, steps.UNAVAILABLE, steps.UNAVAILABLE),
        (75, steps.UNAVAILABLE, steps.UNAVAILABLE),
        (1, steps.UNKNOWN, steps.UNAVAILABLE),
        (2, steps.UNKNOWN, steps.UNAVAILABLE),
        (127, steps.UNKNOWN, steps.UNAVAILABLE),
    ],
)
def test_what_an_exit_status_means(service: FileService, status: int, sent: str, probed: str) -> None:
    ends = shell("exit {}".format(status))
    reached = target(service, apply=ends, verify=ends, retire=ends)
    assert reached.apply(PROGRAMS, value()) == sent
    assert reached.retire(PROGRAMS, value()) == sent
    assert reached.probe(PROGRAMS, value()) == probed


def test_a_host_without_an_answer_leaves_a_change_unknown(service: FileService) -> None:
    class Silent(LocalPrograms):
        def run_program(self, *_unused: Any) -> None:
            return None

    assert target(service).apply(Silent(), value()) == steps.UNKNOWN
    assert target(service).probe(Silent(), value()) == steps.UNAVAILABLE
    with pytest.raises(errors.Unavailable):
        target(service).precheck(Silent())


def test_a_program_that_hangs_is_killed_with_its_children(service: FileService, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    hanging = shell("sh -c 'echo $$ > {0}; exec sleep 600' & wait".format(noted))
    assert target(service, apply=hanging, time_limit=5).apply(PROGRAMS, value()) == steps.UNKNOWN
    child = int(noted.read_text())
    deadline = time.monotonic() + 60
    while is_running(child):
        assert time.monotonic() < deadline, "the child is still there"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether there is such a process, a dead one that nobody has collected left out."""
    try:
        return Path("/proc/{}/stat".format(process)).read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_before_anything_is_begun_the_programs_are_there_and_a_wrong_value_is_refused(service: FileService) -> None:
    target(service).precheck(PROGRAMS)
    assert service.held() == [b"old-word"]
    with pytest.raises(errors.NotFound) as missing:
        target(service, retire=["/no/such/program"]).precheck(PROGRAMS)
    assert "/no/such/program" in str(missing.value)
    assert missing.value.option == "command.retire"
    for status, words in ((0, "accepts a random wrong value"), (1, "did not report")):
        with pytest.raises(errors.Unavailable) as raised:
            target(service, verify=shell("exit {}".format(status))).precheck(PROGRAMS)
        assert words in str(raised.value)
        assert "77" in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"overlap": "dual"}, "command.retire"),
        ({"retire": ["/bin/true"]}, "command.retire"),
        ({"apply": []}, "command.apply"),
        ({"time_limit": 0}, "command.time_limit"),
        ({"time_limit": 241}, "command.time_limit"),
        ({"max_request_life": 89}, "command.max_request_life"),
        ({"hosts": ["a", "b"]}, "command.hosts"),
    ],
)
def test_options_that_do_not_fit_are_named(service: FileService, changes: dict[str, Any], option: str) -> None:
    target(service).check()
    with pytest.raises(errors.InvalidInput) as raised:
        target(service, **changes).check()
    assert raised.value.option == option


def test_the_programs_run_on_the_hosts_that_are_named(service: FileService) -> None:
    several = Command(service.dual(hosts=["a", "b"]), value())
    several.check()
    modules = Recorded(0)
    assert several.places() == ("a", "b")
    assert several.apply(modules, value(), "b") == steps.APPLIED
    assert modules.places == ["b"]

    one = target(service, hosts=["a"])
    one.check()
    assert one.places() == ("",)
    one.probe(modules, value())
    assert modules.places == ["b", "a"]


def test_a_host_that_is_down_is_no_obstacle_while_another_one_has_the_programs(service: FileService) -> None:
    several = Command(service.dual(hosts=["down", "up"]), value())
    modules = Recorded(None, 0, 0, 0, 0, 77)
    several.precheck(modules)
    assert modules.places == ["down", "up", "up", "up", "up", "up"]
    with pytest.raises(errors.Unavailable, match="none of the hosts can be reached"):
        several.precheck(Recorded(None))
    with pytest.raises(errors.NotFound, match="the host 'down' has no program 'timeout'"):
        several.precheck(Recorded(1))


def test_two_values_at_once_are_declared_by_option(service: FileService) -> None:
    assert target(service).traits.overlap == "none"
    dual = Command(service.dual(max_request_life=900), value())
    assert (dual.traits.overlap, dual.traits.slots, dual.traits.max_request_life) == ("dual", 2, 900)
    dual.check()
    assert dual.apply(PROGRAMS, value()) == steps.APPLIED
    assert service.held() == [b"old-word", b"new-word"]
    assert dual.retire(PROGRAMS, value("old-word")) == dual.retire(PROGRAMS, value("old-word")) == steps.APPLIED
    assert service.held() == [b"new-word"]


def test_the_journal_is_given_the_program_that_tries_and_no_value(service: FileService) -> None:
    described = target(service).describe()
    assert set(described) == {"verify"}
    assert described["verify"].startswith(sys.executable)
    assert "word" not in repr(described)
