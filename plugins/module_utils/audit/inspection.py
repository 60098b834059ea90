# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading an audit trail: whether it is whole (E5), and what it says (B7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain import START, ChainKey, Line, Link, read_line
from ansible_collections.nebula.credential.plugins.module_utils.audit.journal import Journal
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound

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
"""There is no mark, or not one of this key: a cut at the end cannot be told."""


@dataclass(frozen=True)
class Finding:
    """Something about a trail: a word from above, and the line (from 1) and sequence number at which it shows."""

    kind: str
    line: int
    sequence: Optional[int] = None


def verify_chain(path: str, key: Optional[bytes], mark_path: Optional[str] = None) -> List[Finding]:
    """Check a trail from its first line to its last.

    Args:
        path: the file.
        key: the chain's key (`Encrypt.audit_key`), None for a store without one.
        mark_path: where its mark lies, if not beside it.

    Returns:
        What is wrong, in the order of the lines; nothing if all is well. After an edit the check goes on from what the line
        claims, so that each break is told once.

    Raises:
        NotFound: there is no such file.
    """
    chain_key = ChainKey(key)
    findings: List[Finding] = []
    last = Link()
    for number, raw in enumerate(_raw_lines(path), 1):
        found, last = _check(raw, number, last, chain_key)
        findings += found
    marked = Journal(path, chain_key, mark_path).marked()
    if marked is None:
        findings.append(Finding(MARK_UNREADABLE, 0))
    elif marked.sequence > last.sequence:
        findings.append(Finding(CUT_AT_END, 0, marked.sequence))
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

    Nothing is verified; `verify_chain` does that.

    Raises:
        NotFound: there is no such file.
    """
    exact = {key: value for key, value in (("name", name), ("action", action), ("result", result)) if value is not None}
    for raw in _raw_lines(path):
        line = read_line(raw.rstrip(b"\n"))
        if line is not None and exact.items() <= line.entry.items() and _within(line.entry, since, until):
            yield line.entry


def _within(entry: Dict[str, Any], since: Optional[datetime], until: Optional[datetime]) -> bool:
    time = datetime.fromisoformat(str(entry["time"]).replace("Z", "+00:00"))
    return (since is None or time >= since) and (until is None or time < until)


def _raw_lines(path: str) -> Iterable[bytes]:
    try:
        with open(path, "rb") as file:
            yield from file
    except OSError:
        raise NotFound("there is no audit trail {0}".format(path), remedy="Check 'audit_path' and 'audit'.") from None


def _check(raw: bytes, number: int, last: Link, key: ChainKey) -> tuple[List[Finding], Link]:
    if not raw.endswith(b"\n"):
        return [Finding(UNFINISHED, number)], last
    line = read_line(raw[:-1])
    if line is None:
        return [Finding(NOT_AN_ENTRY, number)], last
    return [Finding(kind, number, line.link.sequence) for kind in _wrong(line, number, last, key)], line.link


def _wrong(line: Line, number: int, last: Link, key: ChainKey) -> Iterator[str]:
    if line.entry.get("key") != key.id:
        yield OTHER_KEY
    elif line.link.sequence == last.sequence + 1:
        if key.hash(last.chain, line.body) != line.chain:
            yield EDITED
    elif last.chain == START and number == 1:
        yield BEGINS_LATER
    else:
        yield CUT
