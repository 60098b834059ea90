# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file on a host: compared by a digest with a key, and replaced as a whole.

What is beside the content of a file is kept in its extended attribute `user.nebula.credential`, where the file system has such: the
versions of the credentials in it, and a mark of a content that is made differently each time. Who may read it may read the file.
"""

from __future__ import annotations

import fcntl
import grp
import hashlib
import hmac
import json
import os
import pwd
import re
import stat
import time
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    StorageError,
    StorageFull,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_all
from ansible_collections.nebula.credential.plugins.module_utils.hosts.directories import is_listable

ATTRIBUTE = "user.nebula.credential"
CONTENT, OWNER, GROUP, MODE = "content", "owner", "group", "mode"
_MOST_BYTES = 64 * 1024 * 1024
"""More than any file of ours has; a larger one differs, and is not read to its end."""
_PIECE = 1 << 17
_LEFT_OVER_AFTER = 60.0
"""Seconds. The writer of a younger temporary file may be between creating and locking it."""
_VERSION = re.compile(r"[\w.:@+/=-]{1,200}\Z")
_NAME = re.compile(r"[\w.:/-]{1,200}\Z")


@dataclass(frozen=True)
class Wanted:
    """A file as it is to be.

    Attributes:
        name: its name in its directory.
        uid: its owner.
        gid: its group.
        mode: its mode.
        key: the key of the digest.
        digest: the HMAC-SHA256 of its content with the key. None if the content differs each time it is made: then the file is the same
            if its mark, which was written with it, is the HMAC of what is in it now.
    """

    name: str
    uid: int
    gid: int
    mode: int
    key: bytes
    digest: Optional[str]


def read_wanted(name: str, described: Mapping[str, Any]) -> Wanted:
    """Return a file as the action describes it. Without `owner` and `group` it is this user's.

    Raises:
        InvalidInput: the host has no such user or group.
    """
    owner, group = described.get("owner"), described.get("group")
    return Wanted(
        name,
        os.geteuid() if owner is None else _find_id(owner, "owner", lambda: pwd.getpwnam(owner).pw_uid),
        os.getegid() if group is None else _find_id(group, "group", lambda: grp.getgrnam(group).gr_gid),
        int(described["mode"]),
        b64decode(described["key"]),
        described["digest"],
    )


def _find_id(name: str, option: str, find: Any) -> int:
    with suppress(KeyError):
        return int(find())
    if name.isdigit():
        return int(name)
    raise InvalidInput("the host has no {0} {1}".format(option, ascii(name)), option=option, remedy="Make it before, or name another.")


@dataclass(frozen=True)
class Found:
    """A file as it is: its attributes in words (None if there is none), the versions noted with it, what differs from the wanted file."""

    before: Optional[Dict[str, str]]
    versions: Dict[str, str]
    differs: List[str]


def is_there(directory: int, name: str) -> bool:
    """Return True if there is a regular file of that name, False if there is nothing.

    Raises:
        InvalidInput: something else has that name, or a link.
    """
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISREG(status.st_mode):
        return True
    kind = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a directory"}.get(stat.S_IFMT(status.st_mode), "a pipe, a socket or a device")
    what = "{0} is {1}".format(ascii(name), kind)
    raise InvalidInput(what, option="dest", remedy="Nothing was changed. Name a file, or remove what is there.")


def compare(directory: int, wanted: Wanted) -> Optional[Found]:
    """Return how the file differs from the wanted one; None if there is none."""
    if not is_there(directory, wanted.name):
        return None
    descriptor = _open(directory, wanted.name)
    try:
        status, noted = os.fstat(descriptor), read_note(descriptor)
        is_same = _may_stay(status, wanted) and _has_content(descriptor, wanted, noted.get("mark"))
    finally:
        os.close(descriptor)
    mode = stat.S_IMODE(status.st_mode)
    same = {CONTENT: is_same, OWNER: status.st_uid == wanted.uid, GROUP: status.st_gid == wanted.gid, MODE: mode == wanted.mode}
    before = {OWNER: name_user(status.st_uid), GROUP: name_group(status.st_gid), MODE: format_mode(mode)}
    return Found(before, noted["versions"], [part for part, is_equal in same.items() if not is_equal])


def _may_stay(status: os.stat_result, wanted: Wanted) -> bool:
    """Return False for a file that is replaced even if its content is right.

    Owner and mode of one with another name would change there, too; and a stranger who owns it may have it open for writing.
    """
    return status.st_nlink == 1 and status.st_uid in (0, os.geteuid(), wanted.uid)


def _open(directory: int, name: str) -> int:
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)


def _has_content(descriptor: int, wanted: Wanted, mark: Optional[str]) -> bool:
    expected = wanted.digest if wanted.digest is not None else mark
    digest, size = hmac.new(wanted.key, digestmod=hashlib.sha256), 0
    while expected is not None:
        part = os.read(descriptor, _PIECE)
        size += len(part)
        if size > _MOST_BYTES:
            return False
        if not part:
            return hmac.compare_digest(digest.hexdigest(), expected)
        digest.update(part)
    return False


def read_note(descriptor: int) -> Dict[str, Any]:
    """Return `{versions, mark}` as noted with a file. What is not of that form counts as not noted: its owner may have written it."""
    try:
        noted = json.loads(os.getxattr(descriptor, ATTRIBUTE))
        mark, listed = noted.get("mark"), (noted.get("versions") or {}).items()
        versions = {name: version for name, version in listed if _NAME.match(name) and _VERSION.match(version)}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {"versions": {}, "mark": None}
    return {"versions": versions, "mark": mark if isinstance(mark, str) else None}


def _write_note(descriptor: int, note: Mapping[str, Any]) -> bool:
    """Note something with a file. Return False if its file system cannot."""
    with suppress(OSError, AttributeError):
        os.setxattr(descriptor, ATTRIBUTE, json.dumps(note).encode("ascii"))
        return True
    return False


class NewFile:
    """A file under a temporary name beside the final one, locked while its writer lives. It is removed unless `become` renamed it."""

    def __init__(self, directory: int, wanted: Wanted) -> None:
        """Create it, for this user alone."""
        self._directory = directory
        self._wanted = wanted
        self.name = "{0}{1}.tmp".format(_prefix(wanted.name), os.urandom(6).hex())
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self.name, flags, 0o600, dir_fd=directory)
        self._is_temporary = True
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, content: bytes, versions: Mapping[str, str]) -> bool:
        """Write the content, its note, owner and mode, durably. Return False if the file system notes nothing."""
        write_all(self._descriptor, content)
        mark = None if self._wanted.digest is not None else hmac.new(self._wanted.key, content, hashlib.sha256).hexdigest()
        is_noted = _write_note(self._descriptor, {"versions": dict(versions), "mark": mark})
        _set_attributes(self._descriptor, self._wanted)
        os.fsync(self._descriptor)
        return is_noted

    def become(self) -> None:
        """Rename it to its final name, durably."""
        is_there(self._directory, self._wanted.name)
        os.rename(self.name, self._wanted.name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._is_temporary = False
        _sync(self._directory)

    def close(self) -> None:
        """Close it, and remove it if it still has its temporary name."""
        if self._is_temporary:
            with suppress(OSError):
                os.unlink(self.name, dir_fd=self._directory)
        os.close(self._descriptor)


def set_attributes(directory: int, wanted: Wanted) -> None:
    """Give the file, whose content stays, its owner, group and mode."""
    is_there(directory, wanted.name)
    descriptor = _open(directory, wanted.name)
    try:
        _set_attributes(descriptor, wanted)
    finally:
        os.close(descriptor)


def _set_attributes(descriptor: int, wanted: Wanted) -> None:
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (wanted.uid, wanted.gid):
        # The mode that another owner had must not hold for this one.
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & wanted.mode)
        os.fchown(descriptor, wanted.uid, wanted.gid)
    os.fchmod(descriptor, wanted.mode)


def remove(directory: int, name: str) -> None:
    """Remove a file, durably."""
    if is_there(directory, name):
        os.unlink(name, dir_fd=directory)
        _sync(directory)


def remove_left_over(directory: int, name: str) -> None:
    """Remove the temporary files that killed writers of a file left."""
    if not is_listable(directory):
        return
    for entry in os.listdir(directory):
        if entry.startswith(_prefix(name)) and entry.endswith(".tmp"):
            with suppress(OSError):
                _remove_if_left_over(directory, entry)


def _remove_if_left_over(directory: int, entry: str) -> None:
    descriptor = _open(directory, entry)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _LEFT_OVER_AFTER:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(entry, dir_fd=directory)
    finally:
        os.close(descriptor)


def _prefix(name: str) -> str:
    """Return how the temporary names of a file begin. A digest, because a name with more before it may be too long."""
    return ".nebula-{0}-".format(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16])


def _sync(directory: int) -> None:
    with suppress(OSError):  # a directory that may not be read, or a file system that syncs none
        os.fsync(directory)


def name_user(uid: int) -> str:
    """Return the name of a user; its number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def name_group(gid: int) -> str:
    """Return the name of a group; its number if it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def format_mode(mode: int) -> str:
    """Return a mode as `ls` and `chmod` users write it."""
    return "{0:04o}".format(mode)


def translate(error: OSError, path: str) -> CredentialError:
    """Return the neutral error for a failed call of the system."""
    what = "{0} cannot be written: {1}".format(ascii(path), os.strerror(error.errno or 0))
    kind = StorageFull if isinstance(error, OSError) and error.errno in _FULL else StorageError
    if isinstance(error, PermissionError):
        return AccessDenied(what, option="dest", remedy="Use become, or an owner and a directory that this user may write.")
    return kind(what, option="dest", remedy="Check the file system of the host.")


_FULL = (28, 122)
"""ENOSPC and EDQUOT."""
