# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a store's audit trail, checking it and exporting it: the module `audit_info`."""

from __future__ import annotations

import os
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.audit_info import LIMIT, MATCHED, MOST, TABLE
from ansible_collections.nebula.credential.plugins.module_utils.audit.entry_writers import Heading, Writer
from ansible_collections.nebula.credential.plugins.module_utils.audit.export import (
    Output,
    build_writer,
    check_destination,
    find_format,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import checkpoint_path, list_turned
from ansible_collections.nebula.credential.plugins.module_utils.audit.search import Search, read_entries
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage_totals import let_others_run
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import AuditSink, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.model.audit_page import AuditPage
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration, moment
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.trail_check import describe_check, verify_table, verify_trail
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

_PAGE = 5000
"""Rows of the table that one request reads."""

Entries = Iterable[Dict[str, Any]]


def audit_info(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, check_mode: bool) -> Outcome:
    """Search the audit trail of a store, check its chain, and export what was found.

    Args:
        manager: the manager of the store.
        parameters: the filters `names`, `actions`, `operations`, `results`, `users`, `hosts` (lists of texts and patterns), `violations`,
            `last` (a duration), `since`, `until` (ISO 8601); `source` (`file` or `table`), `limit`, `verify`, and for an export `dest`,
            `format`, `overwrite`.
        _context: the caller.
        check_mode: write no file, and return whether it would change.

    Returns:
        `{changed, path, entries, total, truncated, verification, export}`: `entries` are the newest that match, `limit` at most, and
        `total` is how many match. `verification` is as `trail_check` returns it, None if it is not wanted. `export` is
        `{path, format, entries, bytes}`, None without `dest`.

    Raises:
        InvalidInput: an option is wrong, the trail is off, the store has no table, or another file is at `dest`.
        NotFound: there is no trail, or it cannot be read.
        StorageError: the file cannot be written.
        MissingLibrary: what writes PDF is not installed.
    """
    trail = _find_trail(manager)
    search, limit = _read_search(manager, trail, parameters), _read_limit(parameters.get("limit"))
    form = _check_export(parameters, trail)
    of_table = parameters.get("source") == TABLE
    trail.flush()
    entries = _read_table(manager, search) if of_table else read_entries(trail.path, let_others_run)
    verification = None
    if parameters.get("verify", True):
        verification = verify_table() if of_table else verify_trail(trail)
    heading = Heading(manager.store, search.describe(), describe_check(verification))
    newest: Deque[Dict[str, Any]] = deque(maxlen=limit)
    total, changed, export = 0, False, None
    matches = search.build_filter()
    with _open_export(parameters.get("dest"), form, heading, check_mode) as (output, writer):
        for entry in filter(matches, entries):
            total += 1
            newest.append(entry)
            if writer is not None:
                writer.add(entry)
        if writer is not None:
            writer.finish()
            _check_export(parameters, trail)  # another file may have taken the name meanwhile
            changed = output.close_as(parameters["dest"])
            export = {"path": parameters["dest"], "format": form, "entries": total, "bytes": output.bytes}
    return Outcome(
        {
            "changed": changed,
            "path": None if of_table else trail.path,
            "entries": list(newest),
            "total": total,
            "truncated": total > len(newest),
            "verification": None if verification is None else asdict(verification),
            "export": export,
        }
    )


def _find_trail(manager: CredentialManager) -> Trail:
    if manager.trail is None:
        raise InvalidInput("the store's audit trail is off", option="audit", remedy="Remove 'audit: off': then it begins now.")
    return manager.trail


def _read_search(manager: CredentialManager, trail: Trail, parameters: Mapping[str, Any]) -> Search:
    since, until = _read_range(manager, parameters)
    return Search(
        **{name: tuple(map(str, parameters.get(name) or ())) for name in MATCHED},
        violations=parameters.get("violations"),
        since=since,
        until=until,
        # The table of a database is that of one store, under whatever names the controllers have for it.
        store=trail.store if trail.shared and parameters.get("source") != TABLE else None,
    )


def _read_range(manager: CredentialManager, parameters: Mapping[str, Any]) -> Tuple[Optional[datetime], Optional[datetime]]:
    last, since, until = (parameters.get(name) for name in ("last", "since", "until"))
    if last is not None and since is not None:
        raise InvalidInput("'last' and 'since' both say where the time begins", option="last", remedy="Leave one of them out.")
    begin = None if since is None else moment(since, "since")
    if last is not None:
        begin = manager.clock() - _read_duration(str(last).strip())
    end = None if until is None else moment(until, "until")
    if begin is not None and end is not None and end <= begin:
        raise InvalidInput("it is not after the begin of the time", option="until", remedy="Write a later time, or leave it out.")
    return begin, end


def _read_duration(text: str) -> Any:
    found = duration(text, "last")
    if text.isdigit():  # elsewhere these are seconds: a person who means days would see nearly nothing
        raise InvalidInput("'{0}' has no unit".format(text), option="last", remedy="Write '{0}d' for days.".format(text))
    return found


def _read_limit(limit: Optional[int]) -> int:
    wanted = LIMIT if limit is None else limit
    if not 0 <= wanted <= MOST:
        remedy = "Write a number from 0 to {0}. An export ('dest') has no limit.".format(MOST)
        raise InvalidInput("it is {0}".format(wanted), option="limit", remedy=remedy)
    return wanted


def _check_export(parameters: Mapping[str, Any], trail: Trail) -> str:
    """Return the format of the export; empty if none is wanted."""
    path = parameters.get("dest")
    if path is None:
        return ""
    form = find_format(path, parameters.get("format"))
    if not os.path.isabs(path):
        raise InvalidInput("'{0}' is not an absolute path".format(path), option="dest", remedy="Write the whole path.")
    check_destination(path, form, _list_files(trail), overwrite=bool(parameters.get("overwrite")))
    return form


def _list_files(trail: Trail) -> List[str]:
    """Return the paths of all files of the trail."""
    key = trail.key
    marks = [trail.path + ".mark"] if key is None else [key.mark_path]
    return [trail.path, checkpoint_path(trail.path), trail.path + ".lock", *marks, *(each.path for each in list_turned(trail.path))]


@contextmanager
def _open_export(path: Optional[str], form: str, heading: Heading, check: bool) -> Iterator[Tuple[Output, Optional[Writer]]]:
    """Yield where an export is written; the writer is None if none is wanted. In check mode no file is made."""
    if path is None:
        yield Output(), None
    elif check:
        output = Output()
        yield output, build_writer(form, output.write, heading)
    else:
        with translated("the export", path), Temporary(os.path.dirname(path)) as temporary:
            output = Output(temporary)
            yield output, build_writer(form, output.write, heading)


def _read_table(manager: CredentialManager, search: Search) -> Iterator[Dict[str, Any]]:
    """Yield the entries of the store's table, oldest first, a page at a time."""
    if not manager.backend.capabilities.audit_log:
        what = "the store keeps no copy of its trail in a table"
        raise InvalidInput(what, option="source", remedy="Leave it out to read the trail of this controller.")
    sink = require_protocol(manager.backend, AuditSink)
    page = AuditPage(_PAGE, search.since, search.until)
    while True:
        rows = sink.read_audit(page)
        for row in rows:
            yield {name: value for name, value in row.items() if name != "id"}
        if len(rows) < _PAGE:
            return
        page = page._replace(after=(rows[-1]["time"], rows[-1]["id"]))
