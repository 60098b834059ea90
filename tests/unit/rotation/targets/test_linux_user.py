# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `linux_user` on a real host with accounts of its own, and the hashes that it makes."""

from __future__ import annotations

import secrets
import subprocess
from typing import Any, Optional

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.linux_user import LinuxUser
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.linux_user_password import build_hash, hash_password
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import StepModules
from tests.servers import linux_host, once
from tests.target_suite.local_runner import LocalRunner
from tests.targets.linux_user import LinuxHostRunner
from tests.unit.rotation.targets.recorded_modules import Recorded


class Place:
    """A host, and an account of a test's own."""

    def __init__(self, server: linux_host.Server) -> None:
        self.server, self.user = server, "u" + secrets.token_hex(4)
        server.add(self.user, "old-word")
        self.modules = StepModules(LocalRunner({"box": LinuxHostRunner(server)}), lambda: 0.0, 60.0, 60.0, lambda _text: None)

    def target(self, **options: Any) -> LinuxUser:
        return target(user=self.user, **options)

    def run(self, *command: str) -> None:
        subprocess.run([*self.server.enter(), *command], check=True, capture_output=True)


@pytest.fixture
def place() -> Place:
    return Place(once.linux_host())


def value(password: Any = "new-word") -> Value:
    return Value({"password": Secret(password)})


def target(user: Optional[str] = "app", **options: Any) -> LinuxUser:
    return LinuxUser({"host": "box", **({"user": user} if user else {}), **options}, value("old-word"))


@pytest.mark.server
@pytest.mark.parametrize("password", ["new-word", "with blank: and 'quotes' \\ $x", "größer ⛄", "x" * 511])
def test_the_new_password_logs_in_and_the_old_one_does_not(place: Place, password: str) -> None:
    changed = place.target()
    changed.precheck(place.modules)
    assert changed.probe(place.modules, value("old-word")) == steps.ACCEPTED
    assert changed.apply(place.modules, value(password)) == steps.APPLIED
    assert place.server.accepts(place.user, password)
    assert not place.server.accepts(place.user, "old-word")
    assert changed.probe(place.modules, value(password)) == steps.ACCEPTED
    assert changed.probe(place.modules, value("old-word")) == steps.REFUSED


@pytest.mark.server
def test_a_locked_account_stays_locked_and_one_that_is_not_there_is_not_made(place: Place) -> None:
    place.run("usermod", "-L", place.user)
    with pytest.raises(errors.Unusable):
        place.target().precheck(place.modules)
    assert "is locked" in place.target().find_obstacle(place.modules, value("old-word"))
    with pytest.raises(errors.NotFound) as raised:
        target(user="nobody-of-that-name").precheck(place.modules)
    assert raised.value.option == "linux_user.user"
    assert target(user="nobody-of-that-name").apply(place.modules, value()) == steps.UNKNOWN
    assert "nobody-of-that-name" not in (place.server.directory / "etc" / "shadow").read_text()


@pytest.mark.server
def test_the_account_of_the_task_must_be_root(place: Place) -> None:
    class Unprivileged(LinuxHostRunner):
        def run_program(self, argv: Any, stdin: bytes, limit: float) -> Optional[int]:
            return super().run_program(["setpriv", "--reuid=65534", "--clear-groups", *argv], stdin, limit)

    modules = StepModules(LocalRunner({"box": Unprivileged(place.server)}), lambda: 0.0, 60.0, 60.0, lambda _text: None)
    with pytest.raises(errors.AccessDenied) as raised:
        place.target().precheck(modules)
    assert "become" in str(raised.value)


@pytest.mark.parametrize(("status", "sent", "probed"), [(1, steps.UNKNOWN, steps.UNAVAILABLE), (None, steps.UNKNOWN, steps.UNAVAILABLE)])
def test_what_another_end_of_a_program_means(status: Optional[int], sent: str, probed: str) -> None:
    assert target().apply(Recorded(status), value()) == sent
    assert target().probe(Recorded(status), value()) == probed


def test_a_host_that_does_not_answer_and_one_without_the_programs_are_said_before_anything_is_begun() -> None:
    with pytest.raises(errors.Unavailable):
        target().precheck(Recorded(None))
    for status, program in ((24, "chpasswd"), (25, "unix_chkpwd")):
        with pytest.raises(errors.NotFound) as raised:
            target().precheck(Recorded(status))
        assert program in str(raised.value)


def test_the_account_by_whose_password_the_host_is_reached_is_refused_before_anything_is_sent() -> None:
    class Reached(Recorded):
        def read_connection(self, place: str) -> dict[str, Any]:
            return {"host": place, "password_users": ["app"]}

    modules = Reached(0)
    with pytest.raises(errors.InvalidInput) as raised:
        target().precheck(modules)
    assert raised.value.option == "linux_user.user"
    assert "becomes root there, by the password of the account 'app'" in str(raised.value)
    assert modules.programs == []
    target(user="other").precheck(modules)


def test_no_argument_has_the_password_or_its_hash() -> None:
    modules = Recorded(0)
    target().apply(modules, value())
    target().probe(modules, value())
    (setting, hashed), (trying, plain) = modules.programs
    assert hashed.startswith(b"app:$6$")
    assert b"new-word" not in hashed
    assert plain == b"new-word\0"
    assert not any("$6$" in argument or "new-word" in argument for argument in (*setting, *trying))


@pytest.mark.parametrize("password", ["", b"a\0b", "a\nb", "x" * 512])
def test_a_password_that_nobody_could_log_in_with_is_refused_and_never_sent(password: Any) -> None:
    modules = Recorded(0)
    assert target().find_flaw(value(password))
    assert target().apply(modules, value(password)) == steps.REFUSED
    assert target().probe(modules, value(password)) == steps.REFUSED
    assert modules.programs == []


@pytest.mark.parametrize("user", ["", "a:b", "-x", "a\nb"])
def test_what_is_no_name_of_an_account_is_refused(user: str) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        target(user=user).check()
    assert raised.value.option == "linux_user.user"


def test_the_account_is_that_of_the_credential_where_the_task_names_none() -> None:
    current = Value({"username": Secret("app"), "password": Secret("x")})
    assert LinuxUser({"host": "box"}, current).describe() == {"host": "box", "user": "app"}


# From "Unix crypt using SHA-256 and SHA-512", its own test vectors.
@pytest.mark.parametrize(
    ("password", "salt", "rounds", "hashed"),
    [
        (
            "Hello world!",
            "saltstringsaltst",
            10000,
            "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
        (
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            "anotherlongsalts",
            1400,
            "POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
        ),
    ],
)
def test_a_hash_is_that_of_the_specification(password: str, salt: str, rounds: int, hashed: str) -> None:
    assert hash_password(password.encode(), salt, rounds) == "$6$rounds={0}${1}${2}".format(rounds, salt, hashed)


def test_two_hashes_of_one_password_differ() -> None:
    assert build_hash(b"x") != build_hash(b"x")
