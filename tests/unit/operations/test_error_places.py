# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever fails, the message begins with the option, the credential and the store."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import LEAST, Parameters
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.crypto.sealed_stores import document_path, file_of, keys_directory, the_key_file
from tests.unit.store.managing import ask, create, cut

OFFICE = {"source": "passphrase", "passphrase": "open sesame", "label": "office"}
KEYS, CREDENTIAL, STORE = "option 'key_sources', ", "credential 'db', ", "store 'prod': "
OF_ONE = {
    "get": {"name": "db"},
    "credential": {"name": "db", "value": "x"},
    "credential_info": {"names": ["db"]},
    "credential_flow": {"name": "db", "phase": "start"},
    "credential_refresh": {"name": "db"},
    "credential_rotate": {"name": "db", "target": "none"},
    "deploy": {"sources": [{"name": "db"}]},
    "list_deployments": {"names": ["db"]},
    "rotation_informed": {"name": "db", "of": "x", "left": []},
}
OF_ALL = {"find": {}, "credential_rotate_due": {}, "store_key": {"state": "rotated"}}
OF_SOURCES = {"deploy"}
"""Operations that name their credential in a source: an unforeseen error does not know it."""
OF_SEVERAL = {"get_many": {"names": ["db", "other"]}, "preflight": {"names": ["db", "other"]}}


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr(
        "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", Parameters(*LEAST)
    )


class World:
    """A store with the credential `db`, which a test spoils."""

    def __init__(self, directory, patch):
        self.directory = directory
        self.patch = patch
        self.configuration = {"backend": "local", "path": str(directory / "store"), "lock_timeout": 0}

    def open(self):
        return open_store(self.configuration, name="prod", warn=lambda _message: None)

    def make(self, **configuration):
        self.configuration.update(configuration)
        manager = self.open()
        create(manager)
        manager.close()
        return self


def open_key(world):
    world.make()
    the_key_file().chmod(0o644)


def unreadable_key(world):
    world.make()
    path = the_key_file()
    path.unlink()
    path.mkdir(mode=0o700)


def no_key(world):
    world.make()
    the_key_file().unlink()


def damaged_key(world):
    world.make()
    cut(the_key_file())


def wrong_passphrase(world):
    world.make(key_sources=[OFFICE]).configuration["key_sources"] = [dict(OFFICE, passphrase="open barley")]


def open_passphrase_file(world):
    path = world.directory / "passphrase"
    path.write_text("open sesame")
    path.chmod(0o600)
    world.make(key_sources=[{"source": "passphrase", "passphrase_file": str(path)}])
    path.chmod(0o644)


def nothing_to_give(world):
    world.make(key_sources=[OFFICE]).configuration["key_sources"] = [
        {"source": "passphrase", "passphrase_env": "NOT_SET_ANYWHERE", "label": "office"}
    ]


def no_slot(world):
    world.make().configuration["key_sources"] = [OFFICE]


def damaged_document(world):
    world.make()
    document_path(world.directory).write_bytes(b"{}")


def unforeseen_document(world):
    world.make()
    real = os.open

    def failing(path, *arguments, **options):
        if str(path).endswith("metadata.json"):
            raise RecursionError("canary")
        return real(path, *arguments, **options)

    world.patch.setattr(os, "open", failing)
    world.patch.setattr("builtins.open", failing)


def damaged_record(world):
    world.make()
    cut(file_of(world.directory, "db"))


def locked(world):
    world.make()
    world.held = [FileLock(str(path)) for path in (world.directory / "store" / ".nebula" / "locks").iterdir()]
    for lock in world.held:
        lock.acquire()


def file_for_marks(world):
    world.make()
    (directory,) = keys_directory().glob("*.marks")
    directory.rename(directory.with_suffix(".aside"))
    directory.write_text("in the way")


def no_room(world):
    world.make()

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "foreign")

    world.patch.setattr(os, "write", full)


def no_trail(world):
    world.make().configuration.update(audit="strict", audit_path="/proc/nowhere/audit.jsonl")


def released(world):
    for lock in getattr(world, "held", ()):
        lock.release()


EVERYWHERE = (*OF_ONE, *OF_ALL, *OF_SEVERAL)
READING = ("get", "credential_info", "get_many")
WRITING = ("credential", "credential_rotate")
FAILURES = {
    open_key: (errors.InsecurePermissions, KEYS, EVERYWHERE),
    unreadable_key: (errors.Damaged, KEYS, EVERYWHERE),
    no_key: (errors.MissingKey, KEYS, EVERYWHERE),
    damaged_key: (errors.Damaged, KEYS, EVERYWHERE),
    wrong_passphrase: (errors.WrongPassphrase, KEYS, EVERYWHERE),
    open_passphrase_file: (errors.InsecurePermissions, KEYS, EVERYWHERE),
    nothing_to_give: (errors.KeySourceUnavailable, KEYS, EVERYWHERE),
    no_slot: (errors.MissingKey, KEYS, EVERYWHERE),
    damaged_document: (errors.Damaged, "", EVERYWHERE),
    unforeseen_document: (errors.Internal, "", (*(name for name in OF_ONE if name not in OF_SOURCES), *OF_ALL)),
    damaged_record: (errors.Damaged, "", (*READING, *WRITING)),
    locked: (errors.Timeout, "", WRITING),
    file_for_marks: (errors.InvalidConfiguration, "", (*READING, *WRITING, "store_key")),
    no_room: (errors.StorageFull, "", WRITING),
    no_trail: (errors.AuditFailed, "option 'audit_path', ", EVERYWHERE),
}
CASES = [(spoil, *expected[:2], operation) for spoil, expected in FAILURES.items() for operation in expected[2]]


@pytest.mark.parametrize(("spoil", "kind", "option", "operation"), CASES, ids=lambda part: getattr(part, "__name__", None))
def test_an_error_tells_where_first(spoil, kind, option, operation, tmp_path):
    world = World(tmp_path, pytest.MonkeyPatch())
    spoil(world)
    parameters = {**OF_ONE, **OF_ALL, **OF_SEVERAL}[operation]
    try:
        if operation in OF_SEVERAL:
            result = ask(world.open(), operation, **parameters).result
            failures = result["failures"] if "failures" in result else {row["name"]: row for row in result["problems"]}
            code, message = failures["db"]["code"], failures["db"]["message"]
            assert code == kind.code
        else:
            with pytest.raises(kind) as caught:
                ask(world.open(), operation, **parameters)
            message = str(caught.value)
    finally:
        world.patch.undo()
        released(world)
    assert message.startswith(option + ("" if operation in OF_ALL else CREDENTIAL) + STORE)
    assert "canary" not in message


def test_every_operation_is_tried():
    stores = {"audit_info", "scan", "store_info", "store_purge", "store_schema", "cache"}
    others = {*stores, "adopt", "migrate", "vault", "vault_request", "run", "sync", "record_deployment"}
    assert set(OPERATIONS) == {*OF_ONE, *OF_ALL, *OF_SEVERAL, *others}
    assert OPERATIONS["run"]() is OPERATIONS["deploy"]()


KEPT_FROM_OPENING = [
    spoil for spoil, expected in FAILURES.items() if "store_key" in expected[2] and spoil not in (no_trail, file_for_marks)
]


@pytest.mark.parametrize("spoil", KEPT_FROM_OPENING, ids=lambda spoil: spoil.__name__)
def test_the_health_of_a_store_tells_why_its_values_cannot_be_read(spoil, tmp_path):
    world, (kind, option, _operations) = World(tmp_path, pytest.MonkeyPatch()), FAILURES[spoil]
    spoil(world)
    try:
        health = ask(world.open(), "store_info").result["health"]
    finally:
        world.patch.undo()
    assert (health["status"], health["code"]) == ("unhealthy", kind.code)
    assert health["reasons"][0].startswith(option + STORE)
    assert "canary" not in str(health)


def test_a_trail_that_cannot_be_written_at_the_end_is_told_with_the_credential(tmp_path, monkeypatch):
    """What is held in memory is written after the operation: its failure is told like every other one."""
    world = World(tmp_path, monkeypatch).make()
    manager = world.open()

    def fails():
        raise errors.AuditFailed("it cannot be written", option="audit_path")

    monkeypatch.setattr(manager, "flush", fails)
    with pytest.raises(errors.AuditFailed, match=r"^option 'audit_path', credential 'db', store 'prod': it cannot"):
        ask(manager, "get", name="db")


def test_a_trail_without_a_readable_key_does_not_hide_what_was_answered(tmp_path, monkeypatch):
    """Writing the batched trail is no reason to fail: several results, each with its own failure, are still given."""
    world = World(tmp_path, monkeypatch)
    open_key(world)
    failures = ask(world.open(), "get_many", names=["db", "other"]).result["failures"]
    assert [failure["code"] for failure in failures.values()] == ["insecure_permissions"] * 2
