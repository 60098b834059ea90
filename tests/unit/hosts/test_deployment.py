# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`deploy` on a host, without a controller: real files, each compared by a digest and replaced as a whole."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, InvalidInput, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.hosts import files
from ansible_collections.nebula.credential.plugins.module_utils.hosts.deployment import deploy
from tests.conftest import CHECKOUT, COLLECTION_ROOT

KEY = b"k" * 32
ME = {"owner": files.name_user(os.geteuid()), "group": files.name_group(os.getegid())}


def module(check_mode=False):
    """What `deploy` needs of a module of ansible-core."""

    def run_command(argv, *, handle_exceptions):
        assert not handle_exceptions
        return subprocess.run(argv, check=False).returncode, "", ""

    return SimpleNamespace(check_mode=check_mode, run_command=run_command)


def described(path, content=b"s3cret", *, sent=True, **more):
    """A file as the action describes it, with its content or without."""
    digest = hmac.new(KEY, content, hashlib.sha256).hexdigest()
    known = {"dest": str(path), "state": "present", "owner": None, "group": None, "mode": 0o600, "format": "text", "validate": None}
    known.update(key=base64.b64encode(KEY).decode(), digest=digest, versions={"shop/db": "3"})
    return {**known, **({"content": base64.b64encode(content).decode()} if sent else {}), **more}


def send(*described_files, check_mode=False):
    return deploy(module(check_mode), {"files": list(described_files)})


def absent(path):
    return {"dest": str(path), "state": "absent"}


def test_a_new_file_is_this_users_alone_and_nothing_else_is_left(tmp_path):
    found = send(described(tmp_path / "file"))
    assert found == {
        "files": [{"before": None, "versions": {}, "differs": ["content"], **ME}],
        "is_done": True,
        "unnoted": [],
        "changed": True,
    }
    assert (tmp_path / "file").read_bytes() == b"s3cret"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_without_its_content_a_file_that_differs_is_not_touched_and_none_beside_it(tmp_path):
    (tmp_path / "old").write_bytes(b"other")
    found = send(described(tmp_path / "old", sent=False), absent(tmp_path / "old2"), described(tmp_path / "new", sent=False))
    assert (found["is_done"], found["changed"]) == (False, False)
    assert [file["differs"] for file in found["files"]] == [["content", "mode"], [], ["content"]]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"other"}


def test_a_file_that_is_the_same_is_not_touched(tmp_path):
    send(described(tmp_path / "file"))
    before = (tmp_path / "file").stat()
    found = send(described(tmp_path / "file", sent=False))
    assert found["files"] == [{"before": {**ME, "mode": "0600"}, "versions": {"shop/db": "3"}, "differs": [], **ME}]
    assert (found["is_done"], found["changed"]) == (True, False)
    after = (tmp_path / "file").stat()
    assert (after.st_ino, after.st_ctime_ns, after.st_mtime_ns) == (before.st_ino, before.st_ctime_ns, before.st_mtime_ns)


def test_of_a_file_whose_content_is_the_same_only_the_mode_is_changed_without_its_content(tmp_path):
    send(described(tmp_path / "file", mode=0o644))
    inode = (tmp_path / "file").stat().st_ino
    found = send(described(tmp_path / "file", sent=False))
    assert found["files"][0]["differs"] == ["mode"]
    assert found["files"][0]["before"]["mode"] == "0644"
    status = (tmp_path / "file").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_ino) == (0o600, inode)


def test_check_mode_changes_nothing(tmp_path):
    (tmp_path / "there").write_bytes(b"x")
    found = send(described(tmp_path / "file"), absent(tmp_path / "there"), check_mode=True)
    assert [file["differs"] for file in found["files"]] == [["content"], ["content"]]
    assert (found["is_done"], os.listdir(tmp_path)) == (False, ["there"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_are_set_and_an_owner_who_was_there_before_loses_it(tmp_path):
    (tmp_path / "file").write_bytes(b"bait")
    os.chown(tmp_path / "file", 12345, 12345)
    send(described(tmp_path / "file"))
    assert ((tmp_path / "file").stat().st_uid, (tmp_path / "file").stat().st_gid) == (0, 0)
    send(described(tmp_path / "file", owner="12345", group="12346", mode=0o440))
    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 12346, 0o440)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_stranger_who_has_the_file_open_cannot_change_it_afterwards(tmp_path):
    (tmp_path / "file").write_bytes(b"s3cret")
    os.chown(tmp_path / "file", 12345, 12345)
    with (tmp_path / "file").open("ab") as kept:
        assert send(described(tmp_path / "file"))["files"][0]["differs"] == ["content", "owner", "group", "mode"]
        kept.write(b" of a stranger")
    assert (tmp_path / "file").read_bytes() == b"s3cret"


def test_an_owner_that_the_host_does_not_have_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InvalidInput, match="the host has no owner 'no-such-user'"):
        send(described(tmp_path / "file"), described(tmp_path / "other", owner="no-such-user"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_what_is_no_file_is_refused_and_stays(tmp_path, kind):
    place, target = tmp_path / "place", tmp_path / "target"
    target.write_bytes(b"precious")
    {"link": lambda: place.symlink_to(target), "directory": place.mkdir, "pipe": lambda: os.mkfifo(place)}[kind]()
    for file in (described(place), absent(place)):
        with pytest.raises(InvalidInput, match="'place' is a"):
            send(file)
    assert target.read_bytes() == b"precious"


def test_a_failed_validation_changes_no_file_of_the_task(tmp_path):
    (tmp_path / "one").write_bytes(b"old")
    program = "import sys; sys.exit(open(sys.argv[1]).read() != 's3cret')"
    command = shlex.join([sys.executable, "-c", program]) + " %s"
    good, bad = described(tmp_path / "one", validate=command), described(tmp_path / "two", b"bad", validate=command)
    with pytest.raises(InvalidInput, match="two': the validation of the new file ended with status 1"):
        send(good, bad)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"old"}
    send(good)
    assert (tmp_path / "one").read_bytes() == b"s3cret"


def test_an_absent_file_is_removed_once(tmp_path):
    (tmp_path / "file").write_bytes(b"s3cret")
    assert send(absent(tmp_path / "file"))["changed"]
    assert not send(absent(tmp_path / "file"))["changed"]
    assert os.listdir(tmp_path) == []


def test_an_error_names_the_files_that_were_written_before_it(tmp_path, monkeypatch):
    """A file that is mounted into a container cannot be replaced."""
    rename = os.rename

    def fail(source, target, **given):
        if target == "second":
            raise OSError(errno.EBUSY, "busy")
        rename(source, target, **given)

    monkeypatch.setattr(files.os, "rename", fail)
    with pytest.raises(StorageError, match=r"second' cannot be written: Device or resource busy; changed before: '.*/first'") as caught:
        send(described(tmp_path / "first"), described(tmp_path / "second"), described(tmp_path / "third"))
    assert "Nothing was changed" not in str(caught.value)
    assert os.listdir(tmp_path) == ["first"]
    with pytest.raises(StorageError) as caught:
        send(described(tmp_path / "second"))
    assert "changed before" not in str(caught.value)


def test_a_validation_that_cannot_be_started_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InvalidInput, match=r"option 'validate': .*the program '/no/such' cannot be started: No such file"):
        send(described(tmp_path / "file", validate="/no/such %s"))
    assert os.listdir(tmp_path) == []


def test_a_hard_link_is_replaced_and_the_other_file_keeps_its_mode(tmp_path):
    """Who may write in the directory may have made it, to a file of another user."""
    other, dest = tmp_path / "other", tmp_path / "dest"
    send(described(other))
    os.link(other, dest)
    assert send(described(dest, mode=0o644))["files"][0]["differs"] == ["content", "mode"]
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    assert not os.path.samefile(other, dest)
    assert send(described(dest, mode=0o644))["files"][0]["differs"] == []


def test_a_note_that_is_not_of_our_form_counts_as_none(tmp_path):
    send(described(tmp_path / "file"))
    deep = b"[" * 3000
    wrong = b'{"versions": {"\\u001b[31m": "1"}}', b'{"versions": {"a": 7}}', json.dumps({"versions": "x"}).encode()
    for note in (b"\xff", b"[]", deep, *wrong):
        os.setxattr(tmp_path / "file", files.ATTRIBUTE, note)
        assert send(described(tmp_path / "file", sent=False))["files"][0]["versions"] == {}


def test_a_content_that_is_made_anew_each_time_is_known_by_its_mark(tmp_path):
    """The digest is of what it is made of. A file that was changed, or lost its mark, is written again."""
    place = tmp_path / "file"
    assert send(described(place, b"encrypted once", digest=None))["changed"]
    assert not send(described(place, b"encrypted twice", sent=False, digest=None))["changed"]
    assert place.read_bytes() == b"encrypted once"
    other = base64.b64encode(b"o" * 32).decode()
    assert send(described(place, sent=False, digest=None, key=other))["files"][0]["differs"] == ["content"]
    place.write_bytes(b"spoiled")
    assert send(described(place, sent=False, digest=None))["files"][0]["differs"] == ["content"]
    os.removexattr(place, files.ATTRIBUTE)
    assert send(described(place, sent=False, digest=None))["files"][0]["differs"] == ["content"]


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from tests.unit.hosts.test_deployment import described, files, send
kill = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
setattr(files.NewFile if sys.argv[4] in vars(files.NewFile) else files.os, sys.argv[4], kill)
send(described(sys.argv[3], b"new"))
"""


@pytest.mark.parametrize("call", ["write", "fsync", "become", "rename"])
def test_after_a_kill_at_any_point_the_old_file_is_there_and_the_next_run_leaves_no_other(tmp_path, call):
    place = tmp_path / "file"
    place.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(CHECKOUT), str(COLLECTION_ROOT), str(place), call], check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.read_bytes() == b"old"
    left = [path for path in tmp_path.iterdir() if path != place]
    assert len(left) == 1
    assert stat.S_IMODE(left[0].stat().st_mode) == 0o600
    os.utime(left[0], (0, 0))
    send(described(place, b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"new"}


def test_the_temporary_file_of_a_writer_that_lives_is_left_alone(tmp_path):
    with files_of(tmp_path) as (directory, wanted):
        new = files.NewFile(directory, wanted)
        os.utime(tmp_path / new.name, (0, 0))
        send(described(tmp_path / "file"))
        assert (tmp_path / new.name).exists()
        new.close()
    assert os.listdir(tmp_path) == ["file"]


class files_of:  # noqa: N801  # a context manager that reads as a phrase
    """The directory of a file, and the wanted file."""

    def __init__(self, path):
        self.directory = os.open(path, os.O_RDONLY)

    def __enter__(self):
        return self.directory, files.Wanted("file", os.geteuid(), os.getegid(), 0o600, KEY, "")

    def __exit__(self, *_failure):
        os.close(self.directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="root is refused by nothing else")
def test_a_file_system_that_refuses_is_named_in_the_words_of_the_system(tmp_path, monkeypatch):
    def refuse(*_arguments, **_named):
        raise PermissionError(13, "s3cret")

    monkeypatch.setattr(files.os, "fchmod", refuse)
    with pytest.raises(AccessDenied, match="file' cannot be written: Permission denied") as refused:
        send(described(tmp_path / "file"))
    assert "s3cret" not in str(refused.value)
    assert os.listdir(tmp_path) == []


def test_a_host_without_systemd_is_told_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidConfiguration, match="systemd 250 or later"):
        send(described(tmp_path / "db.cred", format="systemd", digest=None))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(shutil.which("systemd-creds") is None or os.geteuid() != 0, reason="it needs systemd-creds, and root")
def test_systemd_decrypts_its_credential_under_the_name_of_the_file(tmp_path):
    place = tmp_path / "db.cred"
    send(described(place, format="systemd", digest=None))
    assert b"s3cret" not in place.read_bytes()
    decrypt = ["systemd-creds", "decrypt", "--name=db", str(place), "-"]
    assert subprocess.run(decrypt, check=True, capture_output=True).stdout == b"s3cret"
    assert not send(described(place, sent=False, format="systemd", digest=None))["changed"]
