# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `ssh_key`: whole rotations with a real SSH server, and what it makes of results, logs and files."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Mapping

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import LOOK, STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, ssh_key_login, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ssh_key import SshKey
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ssh_key_login import read_outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver, StepModules
from tests.servers import once, sshd
from tests.target_suite.local_runner import LocalRunner
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.targets.recorded_modules import Recorded

LONG = timedelta(hours=1)
OURS, OTHER = "SHA256:ours", "SHA256:other"


def make_value(**fields: str) -> Value:
    key = openssh.write_private_key(private_keys.make_key(private_keys.KeyKind("ed25519")), None)
    return Value({"private_key": Secret(key), **{name: Secret(text) for name, text in fields.items()}}, primary="private_key")


def read_line(value: Value) -> str:
    key = private_keys.read_private_key(value.fields["private_key"].expose(), None, "ssh_key")
    return openssh.write_public_key(key.public_key())


def read_connection(server: sshd.Server) -> dict[str, Any]:
    arguments = ["-F", "none", "-o", "UserKnownHostsFile={0}".format(server.known_hosts)]
    return {"host": server.host, "port": server.port, "arguments": arguments, "host_key_checking": True}


class World:
    """A key in a store whose clock stands until it is moved, and an account of one server that accepts it, as two hosts."""

    def __init__(self, server: sshd.Server, directory: Path, **fields: str) -> None:
        self.now, self.elapsed, self.server = datetime(2026, 11, 29, tzinfo=timezone.utc), 0.0, server
        backend = a_memory_store()
        backend.connect()
        self.manager = CredentialManager(backend, clock=lambda: self.now)
        texts = {name: Secret(text) for name, text in fields.items()}
        self.manager.create(DesiredCredential("deploy", type="ssh_key", fields=texts))
        self.hosts = {name: LocalRunner(connection=read_connection(server)) for name in ("web1", "web2")}
        self.options = {"user": server.user, "path": str(server.authorized_keys), "hosts": list(self.hosts)}
        server.authorized_keys.write_text(self.line() + "\n")
        self.directory = directory

    def rotate(self, phase: str = "auto", **options: Any) -> dict[str, Any]:
        parameters = {"name": "deploy", "phase": phase, "target": "ssh_key", "ssh_key": self.options, **options}

        def perform_step(step: dict[str, Any]) -> Any:
            return perform(self.manager, "credential_rotate", {**parameters, STEP: step}, AccessContext())

        return RotationDriver(perform_step, SshKey, LocalRunner(self.hosts), lambda: self.elapsed, self.wait).drive().result

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds

    def line(self, stage: str = "current") -> str:
        found = self.manager.inspect("deploy", stage=stage)
        return found.kind.read(found.fields, {}, "public_key").expose().decode()

    def accepted(self) -> list[str]:
        return [line.strip() for line in self.server.authorized_keys.read_text().splitlines()]


@pytest.mark.server
@pytest.mark.parametrize("fields", [{}, {"passphrase": "a word", "comment": "deploy key"}], ids=["plain", "encrypted"])
def test_both_keys_are_there_in_the_grace_period_and_the_new_one_alone_after_it(tmp_path: Path, fields: Mapping[str, str]) -> None:
    world = World(once.sshd(), tmp_path, **fields)
    old = world.line()
    assert world.rotate()["outcome"] == "promoted"
    assert world.accepted() == [old, world.line()]
    world.now += LONG
    assert world.rotate(phase="settle")["rotation"]["phase"] == "closed"
    assert world.accepted() == [world.line()]


@pytest.mark.server
def test_a_key_whose_comment_alone_changed_stays_when_the_version_before_goes(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path, passphrase="a word", comment="old")
    assert world.rotate(fields={"comment": "new"})["outcome"] == "promoted"
    world.now += LONG
    assert world.rotate(phase="settle")["rotation"]["phase"] == "closed"
    assert world.accepted() == [world.line()]


@pytest.mark.server
def test_a_key_that_one_host_refuses_is_removed_from_all(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path)
    old = world.line()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(old + "\n")
    with sshd.running() as other:
        other.authorized_keys.write_text(old + "\n")
        world.hosts["web2"].connection = read_connection(other)  # its file is another one than the module writes
        with pytest.raises(errors.RotationFailed):
            world.rotate()
    assert world.accepted() == [old]


@pytest.mark.server
def test_a_host_whose_key_the_controller_does_not_know_is_not_tried(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path)
    for host in world.hosts.values():
        host.connection = {**host.connection, "arguments": ["-F", "none", "-o", "UserKnownHostsFile=/dev/null"]}
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "the controller does not know its host key" in str(raised.value)


@pytest.mark.server
def test_a_key_in_the_file_that_the_server_refuses_all_the_same_is_said(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path)
    other = tmp_path / "authorized_keys"
    other.write_text(world.line() + "\n")
    world.server.authorized_keys.write_text("")
    world.options["path"] = str(other)
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "the key is in its file, and is refused all the same" in str(raised.value)


@pytest.mark.server
def test_a_link_in_the_place_of_the_file_is_neither_replaced_nor_followed(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path)
    old, file = world.line(), world.server.authorized_keys
    shared = file.rename(tmp_path / "shared")
    file.symlink_to(shared)
    try:
        with pytest.raises(errors.InvalidInput) as raised:
            world.rotate()
        assert raised.value.option == "ssh_key.path"
        target, modules = (
            SshKey(world.options, make_value()),
            StepModules(LocalRunner(world.hosts), lambda: 0.0, 60.0, 60.0, lambda _text: None),
        )
        assert target.apply(modules, make_value(), "web1") == target.retire(modules, make_value(), "web1") == steps.REFUSED
        assert file.is_symlink()
        assert shared.read_text().strip() == old
    finally:
        file.unlink()


@pytest.mark.server
def test_options_of_the_key_stay_and_must_be_named(tmp_path: Path) -> None:
    world = World(once.sshd(), tmp_path)
    world.server.authorized_keys.write_text('environment="A=b c",no-pty {0}\n'.format(world.line()))
    with pytest.raises(errors.InvalidInput) as raised:
        world.rotate()
    assert raised.value.option == "ssh_key.key_options"
    assert "A=b" not in str(raised.value)
    world.options["key_options"] = 'environment="A=b c",no-pty'
    assert world.rotate()["outcome"] == "promoted"
    assert [line.partition(" ssh-")[0] for line in world.accepted()] == ['environment="A=b c",no-pty'] * 2


def test_hosts_that_cannot_be_reached_are_said_before_anything_is_begun(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable) as raised:
        SshKey({"user": "deploy", "hosts": ["web1"]}, make_value()).precheck(Recorded({"unreachable": True}))
    assert raised.value.option == "ssh_key.hosts"


def test_the_client_is_checked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_key_login, "PROGRAMS", ("ssh", "no-such-program"))
    with pytest.raises(errors.MissingLibrary):
        SshKey({"user": "deploy", "hosts": ["web1"]}, make_value()).precheck(Recorded({}))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"changed": True}, steps.APPLIED),
        ({"changed": False}, steps.APPLIED),
        ({"failed": True, "msg": "no such user"}, steps.REFUSED),
        ({"failed": True, "module_stdout": "Killed"}, steps.UNKNOWN),
        ({"unreachable": True}, steps.UNKNOWN),
    ],
)
def test_what_a_result_means_and_no_text_of_the_module_is_passed_on(result: dict[str, Any], outcome: str) -> None:
    modules, current = Recorded({"content": ""}, {"stat": {"islnk": False}}, result), make_value()
    assert SshKey({"user": "deploy", "hosts": ["web1"]}, current).apply(modules, make_value(), "web1") == outcome
    assert not any("no such user" in note for note in modules.notes)


def test_nothing_is_sent_to_a_host_that_does_not_answer_or_whose_key_has_other_options() -> None:
    current = make_value()
    target = SshKey({"user": "deploy", "hosts": ["web1"]}, current)
    assert target.apply(Recorded({"unreachable": True}), make_value(), "web1") == steps.UNAVAILABLE
    file = base64.b64encode("no-pty {0} old".format(read_line(current)).encode()).decode()
    modules = Recorded({"content": file})
    assert target.apply(modules, make_value(), "web1") == steps.REFUSED
    assert [name for name, _arguments in modules.calls] == ["ansible.builtin.slurp"]


def test_a_credential_of_another_type_is_refused() -> None:
    with pytest.raises(errors.InvalidInput):
        SshKey({"user": "deploy", "hosts": ["web1"]}, Value({"password": Secret("x")})).check()


def test_a_wrong_value_is_another_key_without_the_passphrase() -> None:
    value = make_value(passphrase="a word")
    wrong = SshKey({"user": "deploy", "hosts": ["web1"]}, value).wrong_value(value)
    assert wrong is not None
    assert set(wrong.fields) == {"private_key"}
    assert read_line(wrong) != read_line(make_value())


def test_a_place_that_only_the_journal_names_is_not_contacted() -> None:
    """On a store of another service, somebody who may write metadata could name a host of their own there."""
    reports: list[dict[str, Any]] = []
    given: dict[str, Any] = {
        "options": {"user": "deploy", "hosts": ["web1"]},
        "credentials": {},
        "current": handover.encode_value(make_value()),
    }
    asked = {"kind": steps.ASK, "ticket": "7", "limit": 0, "wait": 0, "places": ["elsewhere.example"], "value": given["current"], **given}
    handed_out = [{"kind": LOOK, **given}, asked, {"kind": steps.DONE}]

    def perform_step(step: dict[str, Any]) -> Outcome:
        reports.append(step)
        return Outcome({STEP: handed_out.pop(0)})

    runner = LocalRunner({"web1": LocalRunner()})
    runner.hosts["web1"].run_module = lambda *_call: {}  # type: ignore[method-assign]
    RotationDriver(perform_step, SshKey, runner).drive()
    assert reports[-1]["places"] == {"elsewhere.example": steps.UNAVAILABLE}
    assert "'elsewhere.example': neither" in reports[-1]["note"]


OFFER, TAKE = "debug1: Offering public key: me ED25519 {0} agent", "debug1: Server accepts key: me ED25519 {0} agent"
DENIED = "me@web1: Permission denied (publickey)."


@pytest.mark.parametrize(
    ("log", "outcome"),
    [
        ([OFFER.format(OURS), TAKE.format(OURS), "mark"], steps.ACCEPTED),
        # A jump host, whose log is in between, has accepted another key.
        ([OFFER.format(OTHER), TAKE.format(OTHER), OFFER.format(OURS), TAKE.format(OURS), "mark"], steps.ACCEPTED),
        ([OFFER.format(OURS), DENIED], steps.REFUSED),
        ([OFFER.format(OURS), OFFER.format(OTHER), TAKE.format(OTHER), "mark"], steps.REFUSED),
        ([OFFER.format(OTHER), TAKE.format(OTHER), "mark"], steps.UNAVAILABLE),
        ([OFFER.format(OURS), TAKE.format(OURS), DENIED], steps.UNAVAILABLE),
        ([OFFER.format(OURS), DENIED, "Connection closed by UNKNOWN port 65535"], steps.UNAVAILABLE),
        ([OFFER.format(OURS), "Connection reset by 192.0.2.1 port 22"], steps.UNAVAILABLE),
        ([OFFER.format(OTHER), DENIED], steps.UNAVAILABLE),
        (["ssh: connect to host web1 port 22: Connection refused"], steps.UNAVAILABLE),
        ([], steps.UNAVAILABLE),
    ],
)
def test_what_the_log_of_the_client_means(log: list[str], outcome: str) -> None:
    assert read_outcome("\r\n".join(log), OURS, "mark")[0] == outcome
