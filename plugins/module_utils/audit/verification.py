# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read an audit trail: check that it is whole (E5), and query its entries (B7)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import (
    LONGEST_LINE,
    START,
    ChainKey,
    Line,
    Link,
    read_line,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import read_own_mark
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular

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


Keys = Mapping[Optional[str], ChainKey]


@dataclass(frozen=True)
class Finding:
    """A fault in a trail: one of the words above, and the line (from 1) and sequence number where it is found."""

    kind: str
    line: int
    sequence: Optional[int] = None


def verify_chain(path: str, keys: Iterable[bytes] = (), mark_path: Optional[str] = None) -> List[Finding]:
    """Check a trail from its first line to its last.

    Args:
        path: the file.
        keys: the chain's keys (`RingSeals.keys`): the active one, and those before it; none for a store without a key.
        mark_path: the path of its mark; by default next to the file.

    Returns:
        What is wrong, in the order of the lines; nothing if all is well. After an edited line the check continues from the hash
        that the line claims, so that each break is reported once.

    Raises:
        NotFound: there is no such file.
    """
    known = {key.id: key for key in map(ChainKey, keys or (None,))}
    findings: List[Finding] = []
    last = Link()
    for number, raw in enumerate(raw_lines(path), 1):
        found, last = _check(raw, number, last, known)
        findings += found
    marks = [read_own_mark(TrailKey(key, mark_path or path + ".mark")) for key in known.values()]
    seen = [mark for mark in marks if mark is not None]
    if not seen:
        findings.append(Finding(MARK_UNREADABLE, 0))
    elif seen[0].sequence > last.sequence:
        findings.append(Finding(CUT_AT_END, 0, seen[0].sequence))
    return findings


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
    for raw in raw_lines(path):
        line = read_line(raw.rstrip(b"\n"))
        if line is not None and exact.items() <= line.entry.items() and _within(line.entry, since, until):
            yield line.entry


def _within(entry: Dict[str, Any], since: Optional[datetime], until: Optional[datetime]) -> bool:
    try:
        time = datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    except ValueError:
        return False
    if time.tzinfo is None:
        return False
    return (since is None or time >= since) and (until is None or time < until)


def raw_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a trail, unchanged, oldest first. A line that is longer than any entry is yielded as an empty one.

    Raises:
        NotFound: there is no such file.
        Damaged: it is not a regular file.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            line = file.readline(LONGEST_LINE)
            while line:
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    line = _skip_line(file)
                yield line
                line = file.readline(LONGEST_LINE)
    except OSError:
        raise NotFound("there is no audit trail {0}".format(path), remedy="Check 'audit_path' and 'audit'.") from None


def _skip_line(file: BinaryIO) -> bytes:
    """Read to the end of the line."""
    part = file.readline(LONGEST_LINE)
    while part and not part.endswith(b"\n"):
        part = file.readline(LONGEST_LINE)
    return b"\n"


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
