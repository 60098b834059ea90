# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How credentials are used, according to the audit trail (B6). Nothing is verified: the counts are as reliable as the trail.

Each entry is counted once: the totals are kept in a file (`usage_totals`), and only the entries after them are read.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Collection, Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import LONGEST_LINE, read_line
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import LOST, Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage_totals import (
    State,
    TotalsDistrusted,
    TotalsFile,
    Usage,
    let_others_run,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import Place, RawLine, find_file, read_lines
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import REFRESH
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, MIB, open_regular
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

SAVE_AFTER = 256 * KIB
"""Bytes of the trail. Fewer are counted again the next time, because the file of totals is written whole."""

_SAVE_AT = 32 * MIB
"""Bytes of the trail after which the totals are saved in between: memory stays small, and a count that is broken off continues."""

_PAUSE_AFTER = 32 * KIB
"""Bytes of the trail."""

_COUNTED = re.compile(
    rb'"action":"(read|refresh|delete|lost)","result":"(?:ok|stale)","store":"((?:[^"\\]|\\.)*)"'
    rb'(?:.*?"name":"([^"]+)")?(?:.*?"operation":"([^"]+)")?'
)
"""A quotation mark within a value is escaped, so these bytes are members of the entry. Few lines are parsed."""

_CHAIN = b',"chain":"'
_CHAIN_AT = -77
"""Where the chain begins in a whole line."""

_BY = (
    "operation",
    "version",
    "stage",
    "uid",
    "username",
    "controller",
    "user",
    "workflow",
    "run",
    "host",
    "task",
    "execution_id",
    "address",
)


@dataclass
class UsageReport:
    """The usage of each credential according to a trail, from when on, and the reason if the trail says nothing."""

    path: Optional[str] = None
    since: Optional[str] = None
    complete: bool = False
    reason: Optional[str] = None
    usages: Dict[str, Usage] = field(default_factory=dict)

    def of(self, name: str) -> Optional[Dict[str, Any]]:
        """Return the usage of one credential; None if the trail says nothing."""
        return None if self.reason is not None else self.usages.get(name, Usage()).describe()

    def describe(self) -> Dict[str, Any]:
        """Return the source: the file, the time of its first entry, whether no entries are missing, and why there is no usage."""
        return {"path": self.path, "since": self.since, "complete": self.complete, "reason": self.reason}


def read_usage(trail: Optional[Trail], names: Collection[str], administrative: Collection[str]) -> UsageReport:
    """Read the usage of credentials from a trail: the totals that were saved, and the entries since then.

    Args:
        trail: the store's trail; None if it is off.
        names: the names of the credentials.
        administrative: the operations whose reads do not count as a use.

    Returns:
        The usage. If there is none, `reason` says why.

    Raises:
        AuditFailed: the trail is strict and cannot be written.
    """
    if trail is None:
        return UsageReport(reason="the store's audit trail is off")
    return _read_trail(trail, names, administrative, SAVE_AFTER)


def save_usage(trail: Trail, administrative: Collection[str]) -> None:
    """Save the totals however few entries are new: files of the trail are about to be removed. The arguments are those of `read_usage`.

    Raises:
        AuditFailed: the trail is strict and cannot be written.
    """
    _read_trail(trail, (), administrative, 1)


def _read_trail(trail: Trail, names: Collection[str], administrative: Collection[str], save_after: int) -> UsageReport:
    trail.flush()
    rules = State(store=trail.store if trail.shared else None, administrative=tuple(sorted({*administrative, REFRESH})))
    try:
        try:
            return _read_from(trail.path, rules, names, save_after)
        except TotalsDistrusted:
            return _read_from(trail.path, rules, names, save_after, trusted=False)
    except NotFound as problem:
        return UsageReport(trail.path, reason=problem.what)


def _read_from(path: str, rules: State, names: Collection[str], save_after: int, *, trusted: bool = True) -> UsageReport:
    with closing(TotalsFile(path, rules.store)) as totals:
        return _Count(path, rules, totals, trusted=trusted).run(names, save_after)


@dataclass
class _Change:
    """The entries about one credential since the totals: their number, and the last of each kind, not parsed yet."""

    made_anew: bool = False
    uses: int = 0
    last_use: bytes = b""
    refreshes: int = 0
    last_refresh: bytes = b""

    def apply(self, before: Usage) -> Usage:
        """Return the usage after these entries."""
        usage = Usage() if self.made_anew else before
        used, refreshed = _parse(self.last_use), _parse(self.last_refresh)
        return Usage(
            usage.uses + self.uses,
            {"at": used["time"], **{key: used[key] for key in _BY if key in used}} if used else usage.last_used,
            usage.refreshes + self.refreshes,
            refreshed["time"] if refreshed else usage.last_refreshed_at,
        )


class _Count:
    """One count of a trail: from the totals that were saved, if they agree with it, to its end."""

    def __init__(self, path: str, rules: State, totals: TotalsFile, *, trusted: bool) -> None:
        self._path = path
        self._totals = totals
        saved = self._totals.read_state() if trusted else None
        self._known = saved is not None and saved.follows_rules_of(rules) and _is_entry_at(path, saved)
        self._state = saved if self._known and saved is not None else rules
        self._store = None if rules.store is None else _write_text(rules.store)
        self._administrative = frozenset(map(_write_text, rules.administrative))
        self._changes: Dict[bytes, _Change] = {}
        self._last: Optional[RawLine] = None
        self._unsaved = 0

    def run(self, names: Collection[str], save_after: int) -> UsageReport:
        """Count to the end of the trail, save the totals if `save_after` bytes were counted, and return the usage.

        Raises:
            NotFound: there is no trail.
            TotalsDistrusted: the file of totals is not what was written.
        """
        paused = 0
        for raw in read_lines(self._path, Place(self._state.sequence, self._state.offset)):
            self._count(raw)
            paused += len(raw.content)
            if paused >= _PAUSE_AFTER:
                paused = 0
                let_others_run()
                if self._unsaved >= _SAVE_AT:
                    self._save()
        if self._unsaved >= save_after:
            self._save()
        usages = self._totals.read(names) if self._known else {}
        for name in names:
            change = self._changes.get(name.encode("ascii", "replace"))
            if change is not None:
                usages[name] = change.apply(usages.get(name, Usage()))
        return UsageReport(self._path, self._state.since, self._state.complete, None, usages)

    def _count(self, raw: RawLine) -> None:
        content = raw.content
        if not content.startswith(_CHAIN, _CHAIN_AT):
            return
        if self._last is None or raw.file != self._last.file:
            self._begin_file(content)
        self._last = raw
        self._unsaved += len(content)
        found = _COUNTED.search(content)
        if found is not None:
            self._add(content, *found.groups())

    def _begin_file(self, content: bytes) -> None:
        """Note the time of the first entry of all, and whether a file before this one is missing."""
        first = read_line(content[:-1])
        if first is None:
            return
        before = None if self._last is None else read_line(self._last.content[:-1])
        last = self._state.sequence if before is None else before.link.sequence
        whole = first.link.sequence == last + 1 and (self._state.complete or self._state.since is None)
        self._state = replace(self._state, since=self._state.since or first.entry["time"], complete=whole)

    def _add(self, content: bytes, action: bytes, store: bytes, name: Optional[bytes], operation: Optional[bytes]) -> None:
        if action == LOST.encode("ascii"):
            self._state = replace(self._state, complete=False)
        elif name is None or (self._store is not None and store != self._store):
            return
        elif action == b"delete":
            if (_parse(content) or {}).get("stage") in (None, CURRENT):
                self._changes[name] = _Change(made_anew=True)  # a credential made with that name afterwards is another one
        elif action == REFRESH.encode("ascii"):
            change = self._changes.setdefault(name, _Change())
            change.refreshes, change.last_refresh = change.refreshes + 1, content
        elif operation not in self._administrative:
            change = self._changes.setdefault(name, _Change())
            change.uses, change.last_use = change.uses + 1, content

    def _save(self) -> None:
        """Save the totals, if they can be written. Then continue from them."""
        last = None if self._last is None else read_line(self._last.content[:-1])
        if self._last is None or last is None:
            return
        link = last.link
        state = replace(self._state, sequence=link.sequence, chain=link.chain.decode("ascii"), offset=self._last.end)
        with suppress(OSError, CredentialError):
            self._totals.write(state, self._changes, self._known)
            self._state, self._known, self._unsaved = state, True, 0
            self._changes.clear()


def _parse(content: bytes) -> Optional[Dict[str, Any]]:
    line = read_line(content[:-1]) if content else None
    return None if line is None else line.entry


def _write_text(text: str) -> bytes:
    """Return the bytes of a text between its quotation marks in a line."""
    return json.dumps(text).encode("ascii")[1:-1]


def _is_entry_at(path: str, state: State) -> bool:
    """Return True if the trail has the entry of the state at its place."""
    with suppress(OSError, Damaged):
        descriptor = open_regular(find_file(path, state.sequence))
        try:
            start = max(0, state.offset - LONGEST_LINE)
            tail = os.pread(descriptor, state.offset - start, start)
        finally:
            os.close(descriptor)
        line = read_line(tail[tail.rfind(b"\n", 0, -1) + 1 : -1])
        there = len(tail) == state.offset - start and tail.endswith(b"\n")
        return there and line is not None and line.link == (state.sequence, state.chain.encode("utf-8"))
    return False
