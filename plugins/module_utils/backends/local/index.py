# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An index of a local store, in a directory of this user: it finds the credentials that can match a filter without reading the others.

It is a hint that can be lost, and no write changes it. Before each search it is brought up to date: by the files in the log of
changes (`local.change_log`), or, if those do not explain the present state of the store's directory, by a comparison with every file.
Each file that it finds is read, so it is never trusted over a record.

A row repeats inode, size and time of change of its file. A row without a `mark` was not read yet, or its file changed less than two
seconds before it was read: its next change could fall on the same tick of the clock.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.change_log import ChangeLog, Changes
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import to_microseconds
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import ensure_private_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

if TYPE_CHECKING:
    import sqlite3

_VERSION = 1
_COMPARED_EVERY = 3600.0
"""Seconds. A program that overwrites a file in its place changes nothing of the directory. So all files are compared that often."""
_SETTLED = 2_000_000_000
"""Nanoseconds."""
_TABLES = """
BEGIN;
CREATE TABLE state (known TEXT NOT NULL, log_end INTEGER NOT NULL, compared REAL NOT NULL);
INSERT INTO state VALUES ('', 0, 0);
CREATE TABLE records (name TEXT PRIMARY KEY, mark TEXT, is_read INTEGER NOT NULL, type TEXT, created INTEGER) WITHOUT ROWID;
CREATE INDEX by_type ON records (type, name);
CREATE INDEX by_created ON records (created);
CREATE INDEX unread ON records (name) WHERE NOT is_read;
CREATE TABLE tags (tag TEXT, value TEXT, name TEXT, PRIMARY KEY (tag, value, name)) WITHOUT ROWID;
CREATE INDEX tags_of ON tags (name);
PRAGMA user_version = {0};
COMMIT;
""".format(_VERSION)

_SELECT = "SELECT name FROM records WHERE "
_HAS_TAG = "name IN (SELECT name FROM tags WHERE tag = ?)"
_HAS_TAG_AND_VALUE = "name IN (SELECT name FROM tags WHERE tag = ? AND value = ?)"
_AFTER_ALL = "\x7f"
"""Greater than every character of a name."""


class _State(NamedTuple):
    known: str
    log_end: int
    compared: float


class Index:
    """The index of one store. Without a directory for it, or without SQLite, there is none."""

    def __init__(self, layout: Layout, log: ChangeLog, path: str, read: Callable[[str], Optional[Record]], editable: bool) -> None:
        """Take what it needs. Opens nothing.

        Args:
            layout: the paths of the store.
            log: the changes of the store's directory.
            path: the file of the index.
            read: returns a credential by its name, None if there is none; with a `problem` if it cannot be read.
            editable: people may edit the files in their place, so all are compared before each search.
        """
        self._layout = layout
        self._log = log
        self._path = path
        self._read = read
        self._editable = editable

    def find_names(self, wanted: Filter) -> Optional[List[str]]:
        """Return the names of the credentials that can match, or None if there is no index.

        Raises:
            CredentialError: a credential cannot be read for a reason that concerns the whole store.
        """
        try:
            import sqlite3
        except ImportError:
            return None
        try:
            with closing(self._open(sqlite3)) as database:
                self._bring_up_to_date(database, _reads_metadata(wanted))
                return _read_names(database, *_build_query(wanted))
        except sqlite3.OperationalError:  # in use for a long time, or it cannot be written
            return None
        except (sqlite3.DatabaseError, UnicodeError):  # damaged; SQLite's message quotes what it cannot parse
            with suppress(OSError):
                os.unlink(self._path)
            return None
        except (OSError, Damaged):
            return None

    def _open(self, sqlite3: Any) -> sqlite3.Connection:
        try:
            ensure_private_directory(os.path.dirname(self._path), "the directory of the indices", lambda _message: None)
        except CredentialError:
            raise PermissionError from None
        for path in (self._path, self._path + "-journal"):
            with suppress(FileNotFoundError):
                os.close(open_regular(path))
        os.close(open_regular(self._path, os.O_RDWR | os.O_CREAT))
        database = sqlite3.connect(self._path, isolation_level=None)
        database.text_factory = partial(str, encoding="utf-8", errors="replace")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            if version:
                database.close()
                raise sqlite3.DatabaseError
            try:
                database.executescript(_TABLES)
            except sqlite3.OperationalError:  # another process was faster
                database.rollback()
        return database  # type: ignore[no-any-return]

    def _bring_up_to_date(self, database: sqlite3.Connection, reading: bool) -> None:
        """Enter what has changed. With `reading`, read what was entered by name only."""
        if self._is_up_to_date(database, reading):
            return
        database.execute("BEGIN IMMEDIATE")
        with database:
            state = _read_state(database)
            changes = self._log.read(state.known, state.log_end)
            if changes is None:
                raise FileNotFoundError
            if changes.files is None or self._must_compare(state):
                self._compare(database, changes, reading)
            else:
                self._enter_changes(database, changes)
            if reading:
                self._enter_all(_read_names(database, _SELECT + "NOT is_read"), database)

    def _is_up_to_date(self, database: sqlite3.Connection, reading: bool) -> bool:
        state = _read_state(database)
        changes = None if self._must_compare(state) else self._log.read(state.known, state.log_end)
        if changes is None or changes.files is None or changes.files:
            return False
        return not (reading and database.execute("SELECT 1 FROM records WHERE NOT is_read LIMIT 1").fetchone())

    def _must_compare(self, state: _State) -> bool:
        return self._editable or not 0 <= time.time() - state.compared < _COMPARED_EVERY

    def _enter_changes(self, database: sqlite3.Connection, changes: Changes) -> None:
        names = {self._layout.name_of(file) for file in changes.files or ()}
        for name in names - {None}:
            _forget(database, str(name))
            if os.path.lexists(self._path_of(str(name))):
                _enter_name(database, str(name))
        database.execute("UPDATE state SET known = ?, log_end = ?", (changes.state, changes.end))

    def _compare(self, database: sqlite3.Connection, changes: Changes, reading: bool) -> None:
        """Compare every file with its row.

        The result counts as the present state only if all writers record their changes already, or none can be writing.
        """
        marks: Dict[str, Optional[str]] = dict(database.execute("SELECT name, mark FROM records"))
        for file in self._layout.files("current"):
            name = self._layout.name_of(file)
            if name is None:
                continue
            is_known, mark = name in marks, marks.pop(name, None)
            if mark and mark == _read_mark(self._path_of(name)):
                continue
            if is_known:
                _forget(database, name)
            _enter_name(database, name)
        for name in marks:
            _forget(database, name)
        is_exact = changes.was_in_use or _is_settled(self._layout.root)
        known = changes.state if is_exact else ""
        database.execute("UPDATE state SET known = ?, log_end = ?, compared = ?", (known, changes.end, time.time()))

    def _enter_all(self, names: Iterable[str], database: sqlite3.Connection) -> None:
        for name in names:
            mark = _read_mark(self._path_of(name))
            record = self._read(name)
            _forget(database, name)
            if record is not None:
                _enter_record(database, record, mark)

    def _path_of(self, name: str) -> str:
        return self._layout.record(name, "current")


def _reads_metadata(wanted: Filter) -> bool:
    """Return True if more than the name decides."""
    return bool(wanted.tags) or (wanted.type, wanted.created_after, wanted.created_before) != (None, None, None)


def _read_state(database: sqlite3.Connection) -> _State:
    found = database.execute("SELECT known, log_end, compared FROM state").fetchone() or ()
    if tuple(map(type, found)) != (str, int, float):
        raise database.DatabaseError
    return _State(*found)


def _read_names(database: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> List[str]:
    """Return the names that a query finds. SQLite does not notice every damage to its file, and none of them may become a path."""
    try:
        return [check_name(name) for (name,) in database.execute(query, values)]
    except InvalidInput:
        raise database.DatabaseError from None


def _read_mark(path: str) -> Optional[str]:
    """Return the state of a file, else None if it was changed just now. Only the system sets the time of change."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    is_settled = time.time_ns() - status.st_ctime_ns > _SETTLED
    return "{0}:{1}:{2}".format(status.st_ino, status.st_size, status.st_ctime_ns) if is_settled else None


def _is_settled(folder: str) -> bool:
    return time.time_ns() - os.stat(folder).st_ctime_ns > _SETTLED


def _enter_name(database: sqlite3.Connection, name: str) -> None:
    database.execute("INSERT INTO records VALUES (?, NULL, 0, NULL, NULL)", (name,))


def _enter_record(database: sqlite3.Connection, record: Record, mark: Optional[str]) -> None:
    """Enter what filters compare. A record that cannot be read has no type: it matches every filter but a prefix."""
    metadata = record.metadata if record.problem is None else None
    try:
        tags = [] if metadata is None else [(tag, value, record.name) for tag, value in metadata.tags.items()]
        "".join(part for row in tags for part in row).encode("utf-8")
    except UnicodeEncodeError:  # a plain file may hold half of a surrogate pair
        metadata, tags = None, []
    kind, created = (None, None) if metadata is None else (record.type, to_microseconds(metadata.created_at))
    database.execute("INSERT INTO records VALUES (?, ?, 1, ?, ?)", (record.name, mark, kind, created))
    database.executemany("INSERT INTO tags VALUES (?, ?, ?)", tags)


def _forget(database: sqlite3.Connection, name: str) -> None:
    database.execute("DELETE FROM records WHERE name = ?", (name,))
    database.execute("DELETE FROM tags WHERE name = ?", (name,))


def _build_query(wanted: Filter) -> Tuple[str, List[Any]]:
    """Return a query for the names that can match: those whose row matches, and those of which nothing but the name is known.

    It is built of fixed texts. Every value is a parameter.
    """
    conditions: List[str] = []
    values: List[Any] = []
    for tag, value in wanted.tags:
        conditions.append(_HAS_TAG if value is None else _HAS_TAG_AND_VALUE)
        values += [tag] if value is None else [tag, value]
    for condition, moment in (("created >= ?", wanted.created_after), ("created < ?", wanted.created_before)):
        if moment is not None:
            conditions.append(condition)
            values.append(to_microseconds(moment))
    if wanted.type is not None:
        conditions.append("type = ?")
        values.append(wanted.type)
    bounds = [wanted.prefix, wanted.prefix + _AFTER_ALL] if wanted.prefix else []
    in_prefix = ["name >= ? AND name < ?"] if bounds else []
    matching = _SELECT + " AND ".join([*conditions, *in_prefix])
    if not conditions:
        return matching, bounds
    return matching + " UNION " + _SELECT + " AND ".join(["type IS NULL", *in_prefix]), [*values, *bounds, *bounds]
