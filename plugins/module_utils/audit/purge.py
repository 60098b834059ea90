# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing the oldest files of an audit trail, so that the chain of what is left can still be checked (E5).

The checkpoint is the end of the part that is removed, authenticated with the chain's key. It is durable before the first file goes, and
the oldest file goes first. After a crash the next purge removes the rest; meanwhile a check begins at the checkpoint.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Callable, List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import Line, Link, read_line, write_checkpoint
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import (
    Journal,
    TurnedFile,
    checkpoint_path,
    list_turned,
    read_last_line,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage_totals import let_others_run
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import read_file, read_time
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import fsync_directory, write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated

_ROLE = "the audit trail"
_PAUSE_AFTER = 64
"""Lines."""


class _OldFile(NamedTuple):
    path: str
    size: int
    link: Link


class TrailPurge(NamedTuple):
    """The files of a trail that were removed, or would be: how many, their bytes, the number of their last entry.

    `since` is the time of the first entry that is left; None if none is.
    """

    files: int = 0
    bytes: int = 0
    last: Optional[int] = None
    since: Optional[str] = None


def purge_trail(trail: Trail, before: datetime, *, check: bool = False, before_removal: Callable[[], object] = lambda: None) -> TrailPurge:
    """Remove the turned files of a trail whose entries are all older than a time. With `check`, return what would be removed.

    `before_removal` is called when the removal has been recorded, and may read the entries a last time.

    An entry records it, written before anything is removed. The file that is written to is turned if its first entry is older, so that it
    can be removed when all of its entries are.

    Raises:
        AuditFailed: the trail is strict and cannot be written.
        StorageError: the files cannot be read or removed. What was removed before stays removed, and the chain of the rest can be checked.
        Timeout: other processes held the lock of the trail.
    """
    trail.flush()
    old = _list_old(trail.path, before)
    plan, key = _describe(trail.path, old), trail.key
    if check or key is None or plan == TrailPurge():  # in the last case there is no trail yet
        return plan
    if plan.last is not None:
        trail.record_purge(plan.last)
        before_removal()
    return _remove(trail.journal, old, before, key)


def _remove(journal: Journal, old: List[_OldFile], before: datetime, key: TrailKey) -> TrailPurge:
    """Remove files that were examined before the lock: a turned file does not change. What else is old by now stays for the next time."""
    path = journal.path
    with translated(_ROLE, path), journal.lock():
        old = [each for each in old if os.path.lexists(each.path)]  # another purge may have been faster
        plan = _describe(path, old)
        if old:
            write_durably(checkpoint_path(path), write_checkpoint(old[-1].link, key.key))
            for each in old:
                os.unlink(each.path)
            fsync_directory(os.path.dirname(path))
        first = _read_first(path)
        if first is not None and _is_before(first, before):
            journal.turn(key)
        return plan


def _list_old(path: str, before: datetime) -> List[_OldFile]:
    """Return the oldest turned files up to the first one that has a later entry, or whose last entry cannot be read."""
    old: List[_OldFile] = []
    for each in list_turned(path):
        found = _read_old(each, before)
        if found is None:
            break
        old.append(found)
    return old


def _read_old(turned: TurnedFile, before: datetime) -> Optional[_OldFile]:
    line = read_last_line(turned.path)
    if line is None or not _is_before(line, before) or _has_later(turned.path, before):
        return None
    try:
        return _OldFile(turned.path, os.stat(turned.path).st_size, line.link)
    except FileNotFoundError:  # another purge has removed it
        return None


def _has_later(path: str, before: datetime) -> bool:
    """Return True if a file has an entry that is not older: the last one may be of a time when the clock was wrong."""
    for number, raw in enumerate(read_file(path), 1):
        line = read_line(raw.content[:-1])
        if line is not None and not _is_before(line, before):
            return True
        if number % _PAUSE_AFTER == 0:
            let_others_run()
    return False


def _is_before(line: Line, before: datetime) -> bool:
    time = read_time(line.entry)
    return time is not None and time < before


def _describe(path: str, old: List[_OldFile]) -> TrailPurge:
    last = old[-1].link.sequence if old else None
    left = [each.path for each in list_turned(path)[len(old) :]]
    first = next(filter(None, map(_read_first, (*left, path))), None)
    return TrailPurge(len(old), sum(each.size for each in old), last, None if first is None else first.entry["time"])


def _read_first(path: str) -> Optional[Line]:
    """Return the first entry of one file; None if its first line is none, or there is no file."""
    first = next(read_file(path), None)
    return None if first is None else read_line(first.content[:-1])
