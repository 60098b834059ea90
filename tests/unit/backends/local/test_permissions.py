# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a local store does about places that others can read, that cannot be written, or that are full."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, HEALTHY, UNHEALTHY, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InsecurePermissions,
    InvalidConfiguration,
    ReadOnly,
    StorageError,
    StorageFull,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import permissions
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translate
from tests.conformance.records import a_record, value_of
from tests.conftest import cannot_run

NOBODY = 65534


def a_store(path, warnings=None, **options):
    """A plain local store, not yet connected."""
    warn = (warnings if warnings is not None else []).append
    return Local({"path": str(path), "format": "json", "allow_plaintext": True, **options}, BackendContext("test", warn))


def connected(path, **options):
    store = a_store(path, **options)
    store.connect()
    return store


@pytest.fixture
def public_tmp():
    """A directory that another user can be let into."""
    directory = Path(tempfile.mkdtemp(prefix="nebula-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def without_privileges(work, owned):
    """Run `work` as a user whom permissions bind, owner of the tree `owned`. Returns (error class, message), or None."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                for path in [owned, *owned.rglob("*")]:
                    os.chown(path, NOBODY, NOBODY)
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
            os._exit(0)
        except CredentialError as error:
            os.write(write_end, "{0}\n{1}".format(type(error).__name__, error).encode())
        finally:
            os._exit(1)
    os.close(write_end)
    said = os.read(read_end, 65536).decode()
    os.close(read_end)
    status = os.waitpid(pid, 0)[1]
    assert said or status == 0
    return tuple(said.split("\n", 1)) if said else None


@contextmanager
def file_system(directory, options):
    """A small file system in memory, mounted at `directory`."""
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "nebula-test", str(directory)], capture_output=True, check=False)
    if mount.returncode != 0:
        cannot_run("mounting a file system is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def modes(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_directories_and_files_are_private_whatever_the_umask(tmp_path):
    """Directories 0700, missing parents too; files 0600, none of them ever wider."""
    before = os.umask(0)
    try:
        store = connected(tmp_path / "a" / "b", backup=True)
        store.put(a_record("x"))
        store.put(a_record("x"))
        store.put(a_record("x", stage="pending"))
        store.delete("x")
        store.put(a_record("x"))
        store.write_store_document(b"d", None)
    finally:
        os.umask(before)
    places = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
    assert {modes(path) for path in places if path.is_dir()} == {0o700}
    assert {modes(path) for path in places if path.is_file()} == {0o600}


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777, 0o740])
def test_a_directory_that_others_can_reach_is_refused_with_the_command_that_helps(tmp_path, mode):
    path = tmp_path / "my store"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(InsecurePermissions) as caught:
        connected(path)
    assert "chmod 700 '{0}'".format(path) in str(caught.value)
    assert str(caught.value).startswith("option 'path', store 'test': ")
    assert os.listdir(path) == []
    path.chmod(0o700)
    connected(path)


def test_a_directory_of_somebody_else_is_refused(tmp_path):
    if os.getuid():
        cannot_run("only root can give a directory away")
    path = tmp_path / "store"
    path.mkdir(0o700)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(InsecurePermissions) as caught:
        connected(path)
    assert "belongs to user id 65534" in str(caught.value)


def test_a_file_system_without_modes_gets_one_warning(tmp_path, monkeypatch):
    """Where every directory comes out 0777 there is nothing to check, and it is said once."""
    real = os.stat

    def without_modes(path, *arguments, **options):
        status = real(path, *arguments, **options)
        return os.stat_result((status.st_mode | 0o077, *status[1:]))

    monkeypatch.setattr(permissions.os, "stat", without_modes)
    warnings = []
    store = a_store(tmp_path / "store", warnings)
    store.connect()
    store.put(a_record())
    store.put(a_record())
    assert value_of(store.get("db_pass")) == b"s3cret"
    assert len(warnings) == 1
    assert "without POSIX owners and modes" in warnings[0]
    private = []
    permissions.check_private_file(str(tmp_path / "store" / "db_pass.json"), "the key file", private.append)
    assert len(private) == 1


def test_a_private_file_is_checked(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"k")
    path.chmod(0o644)
    with pytest.raises(InsecurePermissions) as caught:
        permissions.check_private_file(str(path), "the key file", print)
    assert "chmod 600 {0}".format(path) in str(caught.value)
    path.chmod(0o600)
    permissions.check_private_file(str(path), "the key file", print)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "store").write_text("x")
    with pytest.raises(InvalidConfiguration) as caught:
        connected(tmp_path / "store")
    assert str(tmp_path / "store") in str(caught.value)
    with pytest.raises(InvalidConfiguration):
        connected(tmp_path / "store" / "below")


def test_a_symbolic_link_to_a_private_directory_is_followed(tmp_path):
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    connected(tmp_path / "link").put(a_record())
    assert value_of(connected(tmp_path / "real").get("db_pass")) == b"s3cret"


def test_a_home_is_expanded(home):
    connected("~/x").put(a_record())
    assert (home / "x" / "db_pass.json").exists()


def test_a_directory_that_cannot_be_written_can_be_read(public_tmp):
    """Reading goes on; writing is ReadOnly, names the place, and says what to look at."""
    path = public_tmp / "store"
    connected(path).put(a_record())

    def read():
        assert value_of(connected(path).get("db_pass")) == b"s3cret"
        assert [record.name for record in connected(path).list()] == ["db_pass"]

    def write():
        path.chmod(0o500)
        store = connected(path)
        read()
        assert store.health().status == DEGRADED
        store.put(a_record())

    assert without_privileges(read, path) is None
    kind, message = without_privileges(write, path)
    assert kind == ReadOnly.__name__
    assert str(path) in message
    assert "ls -ld" in message


def test_a_directory_that_cannot_be_made_is_read_only(public_tmp):
    kind, message = without_privileges(lambda: connected("/proc/nebula/x"), public_tmp)
    assert kind in {ReadOnly.__name__, StorageError.__name__}
    assert "/proc/nebula" in message


def test_a_file_that_may_not_be_read_is_access_denied(public_tmp):
    path = public_tmp / "store"
    connected(path).put(a_record())

    def read():
        (path / "db_pass.json").chmod(0)
        connected(path).get("db_pass")

    kind, message = without_privileges(read, path)
    assert kind == AccessDenied.__name__
    assert "credential 'db_pass'" in message


def test_a_full_disk_loses_nothing(tmp_path):
    """The write that finds no room is StorageFull; what was stored is intact, no temporary file stays, and room heals it."""
    path = tmp_path / "small"
    path.mkdir(0o700)
    with file_system(path, "size=256k,mode=0700"):
        store = connected(path, keep_versions=0)
        store.put(a_record())
        (path / "ballast").write_bytes(b"x" * 180000)
        with pytest.raises(StorageFull) as caught:
            store.put(a_record(value="y" * 100000))
        assert "no room left" in str(caught.value)
        assert "y" * 20 not in str(caught.value)
        assert value_of(store.get("db_pass")) == b"s3cret"
        assert [file for file in os.listdir(path) if file.endswith(".tmp")] == []
        assert store.health().status == DEGRADED
        (path / "ballast").unlink()
        store.put(a_record(value="y" * 100000))
        assert len(value_of(store.get("db_pass"))) == 100000


def test_a_read_only_file_system_can_be_read(tmp_path):
    path = tmp_path / "frozen"
    path.mkdir(0o700)
    with file_system(path, "size=1m,mode=0700"):
        connected(path).put(a_record())
        subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)
        store = connected(path)
        assert value_of(store.get("db_pass")) == b"s3cret"
        for write in (lambda: store.put(a_record()), lambda: store.delete("db_pass"), lambda: store.write_store_document(b"x", None)):
            with pytest.raises(ReadOnly):
                write()


def test_a_limit_of_file_sizes_is_told(tmp_path):
    """ulimit -f in the middle of a write leaves the old value and no temporary file."""
    store = connected(tmp_path / "store")
    store.put(a_record())

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        store.put(a_record(value="y" * 10000))

    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            write()
        except StorageFull:
            os.write(write_end, b"full")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write_end)
    assert os.read(read_end, 10) == b"full"
    os.close(read_end)
    assert value_of(store.get("db_pass")) == b"s3cret"
    assert [file for file in os.listdir(tmp_path / "store") if file.endswith(".tmp")] == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "link"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_call_that_fails_leaves_the_old_value(tmp_path, monkeypatch, call, number):
    """Whichever step of a replacement the system refuses, the store is as it was and takes the next write."""
    store = connected(tmp_path / "store")
    store.put(a_record())
    with monkeypatch.context() as patched:
        patched.setattr(os, call, lambda *_arguments, **_options: (_each for _each in ()).throw(OSError(number, "injected")))
        with pytest.raises(StorageError) as caught:
            store.put(a_record(value="2"))
    assert "injected" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert value_of(store.get("db_pass")) == b"s3cret"
    assert [file for file in os.listdir(tmp_path / "store") if file.endswith(".tmp")] == []
    store.put(a_record(value="3"))
    assert [info.version for info in store.versions("db_pass")] == ["2", "1"]


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_system_error_has_words(number):
    """No message repeats the system's own text or holds the error itself."""
    for writing in (True, False):
        error = translate(OSError(number, "foreign text", "/foreign/path"), "the file", "/a/b", writing=writing)
        assert "the file /a/b cannot be" in str(error)
        assert "foreign" not in str(error)
        assert error.remedy


def test_health_tells_what_is_wrong(tmp_path):
    store = connected(tmp_path / "store")
    assert store.health().status == HEALTHY
    shutil.rmtree(tmp_path / "store")
    assert store.health().status == UNHEALTHY


@pytest.mark.parametrize(("written", "mode"), [(None, 0o600), ("0600", 0o600), (0o600, 0o600), ("400", 0o400), (0o400, 0o400)])
def test_files_have_the_permissions_that_are_written(public_tmp, written, mode):
    """Also after a change of metadata and in the older values; and deleted values are wiped all the same."""

    def work():
        store = connected(public_tmp / "store", **({} if written is None else {"permissions": written}))
        store.put(a_record())
        second = store.put(a_record(value="2"))
        store.patch_metadata(second, 0)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (public_tmp / "store").rglob("*.json") if "db_pass" in file.name}
        store.delete("db_pass")
        assert modes == {mode}, modes
        assert value_of(second) == b"2"

    assert without_privileges(work, public_tmp) is None


@pytest.mark.parametrize("written", ["0640", "0666", 600, "rw-------", "", "0200", True, ["0600"], "0o600"])
def test_permissions_that_let_others_read_are_refused(tmp_path, written):
    with pytest.raises(InvalidConfiguration) as caught:
        a_store(tmp_path / "store", permissions=written)
    assert caught.value.option == "permissions"
