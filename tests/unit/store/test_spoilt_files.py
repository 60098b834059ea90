# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every file of a store, replaced by a pipe, a link to a device or a sparse file: each call ends, with an error of its own."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InsecurePermissions
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

GIB = 1024**3
MOST_MEMORY = 300 * 1024  # KiB: what one call may add to the largest size of this process


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_link_through_a_file(path: Path) -> None:
    path.symlink_to("/etc/passwd/x")


def a_file(path: Path) -> None:
    path.write_bytes(b"x")


def a_sparse_file(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, GIB)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of two credentials with everything that makes files: older values, a deleted one, indices, marks, audit, metrics."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    config = {
        "backend": "local",
        "path": str(tmp_path / "store"),
        "audit_path": str(tmp_path / "audit.jsonl"),
        "metrics_path": str(tmp_path / "metrics.json"),
    }
    manager = open_store(config)
    for name in ("a", "a", "b", "gone"):
        manager.ensure(DesiredCredential(name, value=Secret(os.urandom(8).hex())))
    manager.delete("gone")
    perform(manager, "find", {"type": "opaque"}, NOBODY)
    manager.close()
    return config


def every_call(config):
    """Make each kind of call on a newly opened store. Return the errors."""
    errors = []
    for call in (
        lambda manager: manager.get("a"),
        lambda manager: manager.get("b"),
        lambda manager: manager.get("a", version="1"),
        lambda manager: perform(manager, "find", {"type": "opaque"}, NOBODY),
        lambda manager: manager.versions("a"),
        lambda manager: manager.ensure(DesiredCredential("a", value=Secret("new"))),
        lambda manager: manager.create(DesiredCredential("gone", value=Secret("new"))),
        lambda manager: manager.trail.verify(),
        lambda manager: manager.delete("a", force=True),
    ):
        try:
            manager = open_store(config)
            try:
                call(manager)
            finally:
                manager.close()
        except CredentialError as error:
            errors.append(error)
    return errors


def files_of(root: Path):
    kept = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock" and "locks" not in path.parts]
    return sorted(str(path.relative_to(root)) for path in kept)


@pytest.mark.parametrize("make", [a_pipe, a_link_to_a_device, a_sparse_file, a_loop, a_link_through_a_file])
def test_no_call_waits_for_a_file_or_reads_all_of_it(store, tmp_path, make):
    whole = tmp_path.with_name(tmp_path.name + "-whole")
    shutil.copytree(tmp_path, whole)
    files = files_of(whole)
    assert {"metadata.json", "a.enc", "1.enc", "gone", "audit.jsonl", "metrics.json"} <= {os.path.basename(file) for file in files}
    assert len([file for file in files if file.startswith("config/nebula/indices/")]) == 2
    for file in files:
        shutil.rmtree(tmp_path)
        shutil.copytree(whole, tmp_path)
        (tmp_path / file).unlink()
        make(tmp_path / file)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        errors = every_call(store)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY, file
        assert all(error.code != "internal" for error in errors), file


@pytest.mark.parametrize("make", [a_pipe, a_link_to_a_device, a_sparse_file, a_loop, a_link_through_a_file])
@pytest.mark.parametrize("wanted", [{}, {"type": "opaque"}])
def test_a_spoilt_credential_leaves_the_others_readable(store, tmp_path, make, wanted):
    (tmp_path / "store" / "a.enc").unlink()
    make(tmp_path / "store" / "a.enc")
    manager = open_store(store)
    assert manager.get("b").fields
    rows = {row["name"]: row["unreadable"] for row in perform(manager, "find", wanted, NOBODY).result["credentials"]}
    assert rows["b"] is None
    assert rows["a"]["code"] == "damaged"
    assert str(tmp_path / "store" / "a.enc") in rows["a"]["message"]
    manager.close()


@pytest.mark.parametrize("make", [a_loop, a_link_through_a_file])
def test_a_spoilt_credential_can_be_deleted(store, tmp_path, make):
    (tmp_path / "store" / "a.enc").unlink()
    make(tmp_path / "store" / "a.enc")
    manager = open_store(dict(store, backup=True))
    manager.delete("a", force=True)
    assert not os.path.lexists(tmp_path / "store" / "a.enc")
    manager.close()


DIRECTORIES = [
    "versions/a", "versions", "tombstones/current", "tombstones", "locks", "stages/previous", "backups", "",
]  # fmt: skip


@pytest.mark.parametrize("make", [a_pipe, a_file, a_loop])
@pytest.mark.parametrize("directory", DIRECTORIES)
def test_something_else_than_a_directory_is_named(store, tmp_path, make, directory):
    """No call fails with an internal error. Those that need the directory say that it is damaged, and name what is there."""
    config = dict(store, backup=True)
    open_store(config).ensure(DesiredCredential("a", value=Secret("third")))
    path = tmp_path / "store" / ".nebula" / directory
    shutil.rmtree(path)
    make(path)
    errors = every_call(config)
    assert all(error.code != "internal" for error in errors), errors
    damages = [str(error) for error in errors if error.code == "damaged"]
    assert damages, errors
    assert all("{0} is ".format(path) in damage for damage in damages), damages


@pytest.mark.parametrize("make", [a_pipe, a_file, a_loop])
def test_a_value_is_stored_although_its_older_values_cannot_be(store, tmp_path, make):
    """With no version to keep, nothing needs their directory."""
    path = tmp_path / "store" / ".nebula" / "versions" / "a"
    shutil.rmtree(path)
    make(path)
    manager = open_store(dict(store, keep_versions=0))
    manager.ensure(DesiredCredential("a", value=Secret("new")))
    assert manager.get("a").fields["value"].expose() == b"new"
    manager.close()


def test_a_key_in_a_directory_that_others_can_write_to_is_refused(store, tmp_path):
    (tmp_path / "config" / "nebula" / "keys").chmod(0o777)
    with pytest.raises(InsecurePermissions, match="chmod 700"):
        open_store(store).get("a")


IS_ROOT = os.geteuid() == 0


@pytest.fixture
def with_named_key_file(tmp_path, monkeypatch):
    """A store whose key file is in a directory of its own: the directory and the configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "keys"
    config = {
        "backend": "local",
        "path": str(tmp_path / "store"),
        "audit": "off",
        "key_sources": [{"source": "key_file", "path": str(folder / "it.key")}],
    }
    open_store(config).ensure(DesiredCredential("a", value=Secret("1")))
    return folder, config


@pytest.mark.parametrize(("mode", "accepted"), [(0o755, True), (0o1777, True), (0o777, False), (0o770, IS_ROOT)])
def test_the_directory_of_a_named_key_file_must_not_be_writable_for_others(with_named_key_file, mode, accepted):
    folder, config = with_named_key_file
    folder.chmod(mode)
    if accepted:
        assert open_store(config).get("a").fields
    else:
        with pytest.raises(InsecurePermissions, match="chmod go-w"):
            open_store(config).get("a")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a directory away")
def test_a_key_file_in_the_directory_of_another_user_is_refused(with_named_key_file):
    folder, config = with_named_key_file
    os.chown(folder, 4711, -1)
    with pytest.raises(InsecurePermissions, match="user id 4711"):
        open_store(config).get("a")
