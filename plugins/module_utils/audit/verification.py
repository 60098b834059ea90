# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read an audit trail: check that it is whole (E5), and query its entries (B7)."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import (
    LONGEST_LINE,
    START,
    ChainKey,
    Line,
    Link,
    read_checkpoint,
    read_line,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import checkpoint_path, list_turned, read_own_mark
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, open_regular
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file as read_bytes

EDITED = "edited"
"""The line is not what was written after the one before it."""
CUT = "cut"
"""Lines are missing before this one."""
CUT_AT_END = "cut_at_end"
"""Lines are missing at the end: the mark says that there were more."""
BEGINS_LATER = "begins_later"
"""The file does not begin with the first entry: what came before it was moved away, or cut."""
NOT_AN_ENTRY = "not_an_entry"
"""The line is no entry at all."""
UNFINISHED = "unfinished"
"""The last line has no end: its writer died. It was never acknowledged, and the next writer cuts it off."""
OTHER_KEY = "other_key"
"""The line is chained with another key than the one given, or with none."""
MARK_UNREADABLE = "mark_unreadable"
"""There is no mark, or not one of this key: lines that are missing at the end cannot be detected."""


PAUSE_AFTER = 64
"""Lines of a trail after which a reader lets other threads run."""

_PIECE = 64 * KIB
Keys = Mapping[Optional[str], ChainKey]


@dataclass(frozen=True)
class Finding:
    """A fault in a trail: one of the words above, and the line (from 1) and sequence number where it is found.

    `file` is the path of the turned file that the line is in; None for the file that is written to.
    """

    kind: str
    line: int
    sequence: Optional[int] = None
    file: Optional[str] = None


class ChainCheck:
    """What a check of a trail has found: the first faults, how many there are of each kind, and how many lines were read."""

    def __init__(self, most: Optional[int] = None) -> None:
        """Start with none; keep at most so many faults."""
        self.findings: List[Finding] = []
        self.kinds: Dict[str, int] = {}
        self.lines = 0
        self._most = most

    def add(self, finding: Finding) -> None:
        """Count a fault, and keep it unless there are too many."""
        self.kinds[finding.kind] = self.kinds.get(finding.kind, 0) + 1
        if self._most is None or len(self.findings) < self._most:
            self.findings.append(finding)


def verify_chain(path: str, keys: Iterable[bytes] = (), mark_path: Optional[str] = None) -> List[Finding]:
    """Return all that is wrong with a trail, in the order of the lines: as `check_chain`, which can also keep only the first faults."""
    return check_chain(path, keys, mark_path).findings


def check_chain(
    path: str,
    keys: Iterable[bytes] = (),
    mark_path: Optional[str] = None,
    most: Optional[int] = None,
    pause: Callable[[], object] = lambda: None,
) -> ChainCheck:
    """Check a trail from its first line to its last, over all of its files.

    Args:
        path: the file that is written to. The turned files are next to it.
        keys: the chain's keys (`RingSeals.keys`): the active one, and those before it; none for a store without a key.
        mark_path: the path of its mark; by default next to the file.
        most: the greatest number of faults to keep; by default all.
        pause: called after every few lines, so that other threads can run.

    Returns:
        What is wrong, in the order of the lines; nothing if all is well. After an edited line the check continues from the hash
        that the line claims, so that each break is reported once.

    Raises:
        NotFound: there is no such file.
    """
    known = {key.id: key for key in map(ChainKey, keys or (None,))}
    # The mark is read first: lines that are written during the check are no reason to miss any.
    marks = [read_own_mark(TrailKey(key, mark_path or path + ".mark")) for key in known.values()]
    seen = [mark for mark in marks if mark is not None]
    begin: Optional[Link] = None
    check, last = ChainCheck(most), Link()
    while begin != _read_checkpoint(path, known):  # files that a purge removes meanwhile are not missing
        begin = _read_checkpoint(path, known)
        check = ChainCheck(most)
        last = _check_files(path, known, begin, check, pause)
    if not seen:
        check.add(Finding(MARK_UNREADABLE, 0))
    elif seen[0].sequence > last.sequence:
        check.add(Finding(CUT_AT_END, 0, seen[0].sequence))
    return check


def _check_files(path: str, keys: Keys, last: Link, check: ChainCheck, pause: Callable[[], object]) -> Link:
    file, number = None, 0
    for line in read_lines(path, Place(last.sequence + 1, 0)):
        number = number + 1 if line.file == file else 1
        file = line.file
        found, last = _check(line.content, number, last, keys)
        check.lines += 1
        for each in found:
            check.add(each if file == path else replace(each, file=file))
        if check.lines % PAUSE_AFTER == 0:
            pause()
    return last


def _read_checkpoint(path: str, keys: Keys) -> Link:
    """Return the link up to which the trail was removed by a purge; the start of the chain if there is none that a key confirms."""
    try:
        content = read_bytes(checkpoint_path(path), KIB, os.O_RDONLY | os.O_NOFOLLOW)
    except (OSError, Damaged):
        return Link()
    return next(filter(None, (read_checkpoint(content, key) for key in keys.values())), Link())


def query(
    path: str,
    *,
    name: Optional[str] = None,
    action: Optional[str] = None,
    result: Optional[str] = None,
    since: Optional[datetime] = None,
    until: Optional[datetime] = None,
) -> Iterator[Dict[str, Any]]:
    """Yield entries, oldest first: of a credential, of an action, with a result, from `since` (inclusive) to `until` (exclusive).

    Nothing is verified here; `verify_chain` does that.

    Raises:
        NotFound: there is no such file.
    """
    exact = {key: value for key, value in (("name", name), ("action", action), ("result", result)) if value is not None}
    for line in read_parsed(path):
        if exact.items() <= line.entry.items() and is_within(line.entry, since, until):
            yield line.entry


def read_parsed(path: str, pause: Callable[[], object] = lambda: None) -> Iterator[Line]:
    """Yield the lines of a trail that are entries, oldest first, over all of its files.

    Args:
        path: the file that is written to. The turned files are next to it.
        pause: called after every few lines, so that other threads can run.

    Raises:
        NotFound: there is no such file.
    """
    for number, raw in enumerate(read_lines(path), 1):
        line = read_line(raw.content.rstrip(b"\n"))
        if line is not None:
            yield line
        if number % PAUSE_AFTER == 0:
            pause()


def is_within(entry: Mapping[str, Any], since: Optional[datetime], until: Optional[datetime]) -> bool:
    """Return True if the time of an entry is at or after `since` and before `until`. An entry without a time is in no range."""
    time = read_time(entry)
    return time is not None and (since is None or time >= since) and (until is None or time < until)


def read_time(entry: Mapping[str, Any]) -> Optional[datetime]:
    """Return the time of an entry; None if it is not one with a time zone."""
    try:
        time = datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if time.tzinfo is None else time


class RawLine(NamedTuple):
    """A line of a trail, unchanged: with its file, and the offset in bytes of its end in that file."""

    content: bytes
    file: str
    end: int


class Place(NamedTuple):
    """A place between two lines of a trail: the number of the line before it, and its offset in bytes in the file of that line."""

    sequence: int
    offset: int


def read_lines(path: str, place: Place = Place(0, 0)) -> Iterator[RawLine]:
    """Yield the lines of a trail after a place, oldest first, over all of its files. A line longer than any entry is yielded as `LF`.

    Args:
        path: the file that is written to. The turned files are next to it.
        place: a place of this trail; the file of the line before it may have been turned since.

    Raises:
        NotFound: there is no such file.
        Damaged: one of them is not a regular file.
    """
    last = place.sequence - 1
    offset, some = place.offset, False
    while True:
        # Opened before the turned files are listed: a file that is turned in between is in the list, so no line is missed.
        newest = _open(path)
        try:
            turned = [each for each in list_turned(path) if each.last > last]
            some = some or bool(turned) or newest is not None
            for each in turned:
                yield from _read_open(_open(each.path), each.path, offset)
                last, offset = each.last, 0
            if not turned:
                yield from _read_open(newest, path, offset)
                break
        finally:
            if newest is not None:
                newest.close()
    if not some:
        raise NotFound("there is no audit trail {0}".format(path), remedy="Check 'audit_path' and 'audit'.")


def find_file(path: str, sequence: int) -> str:
    """Return the path of the file of a trail that has the line with a number, or will have it."""
    return next((each.path for each in list_turned(path) if each.last >= sequence), path)


def _open(path: str) -> Optional[BinaryIO]:
    """Open a file of a trail; return None if there is none.

    Raises:
        NotFound: it cannot be read.
        Damaged: it is not a regular file.
    """
    try:
        return os.fdopen(open_regular(path), "rb", _PIECE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable_error(path, error) from None


def _unreadable_error(path: str, error: OSError) -> NotFound:
    what = "the audit trail {0} cannot be read: {1}".format(path, os.strerror(error.errno or 0))
    return NotFound(what, remedy="Check 'audit_path' and the permissions of the file.")


def read_file(path: str) -> Iterator[RawLine]:
    """Yield the lines of one file of a trail; none if there is no such file.

    Raises:
        NotFound: it cannot be read.
        Damaged: it is not a regular file.
    """
    return _read_open(_open(path), path, 0)


def _read_open(file: Optional[BinaryIO], path: str, offset: int) -> Iterator[RawLine]:
    if file is None:
        return
    try:
        with file:
            file.seek(offset)
            content = file.readline(LONGEST_LINE)
            while content:
                offset += len(content)
                if len(content) == LONGEST_LINE and not content.endswith(b"\n"):
                    content, skipped = _skip_line(file)
                    offset += skipped
                yield RawLine(content, path, offset)
                # The rest of an unfinished line may be written by now, and is no line.
                content = file.readline(LONGEST_LINE) if content.endswith(b"\n") else b""
    except OSError as error:
        raise _unreadable_error(path, error) from None


def _skip_line(file: BinaryIO) -> Tuple[bytes, int]:
    """Read to the end of the line. Return a line break instead of it, and the number of bytes."""
    part = file.readline(LONGEST_LINE)
    skipped = len(part)
    while part and not part.endswith(b"\n"):
        part = file.readline(LONGEST_LINE)
        skipped += len(part)
    return b"\n", skipped


def _check(raw: bytes, number: int, last: Link, keys: Keys) -> tuple[List[Finding], Link]:
    if not raw.endswith(b"\n"):
        return [Finding(UNFINISHED, number)], last
    line = read_line(raw[:-1])
    if line is None:
        return [Finding(NOT_AN_ENTRY, number)], last
    return [Finding(kind, number, line.link.sequence) for kind in _wrong(line, number, last, keys)], line.link


def _wrong(line: Line, number: int, last: Link, keys: Keys) -> Iterator[str]:
    key = keys.get(line.entry.get("key"))
    if key is None:
        yield OTHER_KEY
    elif line.link.sequence == last.sequence + 1:
        if key.hash(last.chain, line.body) != line.chain:
            yield EDITED
    elif last.chain == START and number == 1:
        yield BEGINS_LATER
    else:
        yield CUT
