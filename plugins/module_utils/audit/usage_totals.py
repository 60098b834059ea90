# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file next to a trail with the totals of its usage, so that no entry is counted twice.

It has one line for each name, sorted: the name, a tab, and its usage as JSON. The last line is the state: the entry that was counted last
and the offset after it, and how many names there are. A file whose state does not agree with the trail or with its own lines is not used,
and the trail is counted from its beginning. The file can be deleted at any time.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO, Collection, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import LONGEST_LINE
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, open_regular

FORMAT = 1
_LONGEST_STATE = 4 * KIB
_PIECE = 64 * KIB
_MOST = 2**63
_PAUSE = 0.0002
"""Seconds."""
_PAUSE_AFTER = 64
"""Lines of the file."""


class TotalsDistrusted(Exception):
    """The file is not what was written."""


@dataclass
class Usage:
    """The usage of one credential since it was made, or since the trail begins."""

    uses: int = 0
    last_used: Optional[Dict[str, Any]] = None
    refreshes: int = 0
    last_refreshed_at: Optional[str] = None

    def describe(self) -> Dict[str, Any]:
        """Return the usage as JSON-like data."""
        return dict(vars(self))


@dataclass(frozen=True)
class State:
    """What was counted: up to which entry, from when on, and by which rules.

    Attributes:
        sequence: the number of the last entry that was counted, 0 if none was.
        chain: the hash of that entry.
        offset: the bytes before the next entry in the file of that entry.
        since: the time of the first entry that was counted.
        complete: whether no entry is missing before it.
        store: the store whose entries were counted; None for all entries of the trail.
        administrative: the operations whose reads are no use.
    """

    sequence: int = 0
    chain: str = ""
    offset: int = 0
    since: Optional[str] = None
    complete: bool = False
    store: Optional[str] = None
    administrative: Tuple[str, ...] = field(default=())

    def follows_rules_of(self, other: State) -> bool:
        """Return True if both count the same entries by the same rules."""
        return (self.store, self.administrative) == (other.store, other.administrative)


def let_others_run() -> None:
    """Pause if this process has other threads, between short steps: reads that a session has in memory must not wait for a count."""
    if threading.active_count() > 1:
        time.sleep(_PAUSE)


class TotalsFile:
    """The file with the totals of one trail, or of one store in a trail of several, as one count reads and writes it.

    The file stays open from `read_state` on: another process that saves its totals replaces it by another file. So what is added to the
    totals is always what was counted after their state.
    """

    def __init__(self, trail: str, store: Optional[str]) -> None:
        """Take the path of the trail, and the store if the trail has entries of other ones. Open nothing."""
        self._file: Optional[BinaryIO] = None
        self.path = trail + ".usage" + ("" if store is None else "." + sha256(store.encode("utf-8")).hexdigest()[:16])

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read_state(self) -> Optional[State]:
        """Open the file and return its state; None if there is no file, or it is not what was written."""
        self.close()
        with suppress(OSError, Damaged, TotalsDistrusted):
            file = self._file = _open(self.path)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LONGEST_STATE))
            return _read_state(file.read(_LONGEST_STATE).rpartition(b"\n\t")[2])[0]
        return None

    def read(self, names: Collection[str]) -> Dict[str, Usage]:
        """Return the usage of those of the names that have any.

        Raises:
            TotalsDistrusted: the file is not what was written.
        """
        wanted = frozenset(name.encode("ascii", "replace") for name in names)
        return {name.decode("ascii"): _read_usage(content) for name, content in self._read_lines() if name in wanted}

    def write(self, state: State, changes: Mapping[bytes, Any], known: bool) -> None:
        """Write the totals after some changes.

        Args:
            state: what is counted after them.
            changes: by name, an object whose `apply` returns the usage after them.
            known: whether the usage in the file is the one before the changes; else there was none.

        Raises:
            TotalsDistrusted: the file is not what was written.
            OSError: it cannot be written.
        """
        with Temporary(os.path.dirname(self.path)) as temporary:
            lines, count = self._merge(changes, known), 0
            some = list(islice(lines, _PAUSE_AFTER))
            while some:
                temporary.write(b"".join(some))
                count += len(some)
                let_others_run()
                some = list(islice(lines, _PAUSE_AFTER))
            temporary.write(b"\n\t" + _write_state(state, count) + b"\n")
            temporary.sync()
            written = _open(temporary.path)  # by the name that no other process replaces
            try:
                temporary.become(self.path)
            except BaseException:
                written.close()
                raise
            self.close()
            self._file = written

    def _merge(self, changes: Mapping[bytes, Any], known: bool) -> Iterator[bytes]:
        """Yield the lines after the changes, in the order of the names; none for a name without any use. Other lines are copied."""
        left = sorted(changes, reverse=True)
        for name, content in self._read_lines() if known else ():
            while left and left[-1] < name:
                yield from _write_line(left[-1], changes[left.pop()].apply(Usage()))
            if left and left[-1] == name:
                yield from _write_line(name, changes[left.pop()].apply(_read_usage(content)))
            else:
                yield name + b"\t" + content
        for name in reversed(left):
            yield from _write_line(name, changes[name].apply(Usage()))

    def _read_lines(self) -> Iterator[Tuple[bytes, bytes]]:
        """Yield each name with the bytes of its usage. The state is compared at the end."""
        if self._file is None:
            raise TotalsDistrusted
        try:
            self._file.seek(0)
            count = 0
            line = self._file.readline(LONGEST_LINE)
            while line and line != b"\n":
                name, _tab, content = line.partition(b"\t")
                yield name, content
                count += 1
                if count % _PAUSE_AFTER == 0:
                    let_others_run()
                line = self._file.readline(LONGEST_LINE)
            if _read_state(self._file.readline(_LONGEST_STATE)[1:])[1] != count:
                raise TotalsDistrusted
        except OSError:
            raise TotalsDistrusted from None


def _open(path: str) -> BinaryIO:
    return os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", _PIECE)


def _write_line(name: bytes, usage: Usage) -> Iterator[bytes]:
    if usage != Usage():
        yield name + b"\t" + _encode(usage.describe()) + b"\n"


def _encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def _read_usage(content: bytes) -> Usage:
    try:
        usage = Usage(**read_json(content))
        whole = all(number.__class__ is int and 0 <= number < _MOST for number in (usage.uses, usage.refreshes))
    except (ValueError, TypeError):
        raise TotalsDistrusted from None
    if not whole or not isinstance(usage.last_used, (dict, type(None))) or not isinstance(usage.last_refreshed_at, (str, type(None))):
        raise TotalsDistrusted
    return usage


def _write_state(state: State, names: int) -> bytes:
    return _encode(dict(asdict(state), format=FORMAT, names=names))


def _read_state(content: bytes) -> Tuple[State, int]:
    try:
        parts = read_json(content)
        if parts.pop("format") != FORMAT:
            raise TotalsDistrusted
        names = parts.pop("names")
        state = State(**dict(parts, administrative=tuple(parts["administrative"])))
        whole = all(number.__class__ is int and 0 <= number < _MOST for number in (names, state.sequence, state.offset))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TotalsDistrusted from None
    if not whole or not isinstance(state.since, str) or not isinstance(state.chain, str) or state.complete not in (True, False):
        raise TotalsDistrusted
    return state, names
