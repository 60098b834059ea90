# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How credentials are used, according to the audit trail (B6). Nothing is verified: the counts are as reliable as the trail."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Collection, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import read_line
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import READ, Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import read_lines
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import REFRESH
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

DELETE = "delete"
_TELLING = re.compile(rb'"action":"(?:read|refresh|delete)","result":"ok".*?"name":"([^"]+)"')
"""A quotation mark within a value is escaped, so these bytes are members of the entry. Most lines are skipped without parsing them."""

_LOST = b'"action":"lost"'

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
class Usage:
    """The usage of one credential since it was made, or since the trail begins."""

    uses: int = 0
    last_used: Optional[Dict[str, Any]] = None
    refreshes: int = 0
    last_refreshed_at: Optional[str] = None

    def count(self, entry: Mapping[str, Any], administrative: Collection[str]) -> None:
        """Count an entry about the credential. A read by an operation of `administrative`, or by a refresh, is no use."""
        if entry["action"] == READ and entry.get("operation") not in (*administrative, REFRESH):
            self.uses += 1
            self.last_used = {"at": entry["time"], **{key: entry[key] for key in _BY if key in entry}}
        elif entry["action"] == REFRESH:
            self.refreshes += 1
            self.last_refreshed_at = entry["time"]

    def describe(self) -> Dict[str, Any]:
        """Return the usage as JSON-like data."""
        return dict(vars(self))


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
    """Read the usage of credentials from a trail: once, from its first line to its last, with one line in memory at a time.

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
    trail.flush()
    told = UsageReport(trail.path)
    try:
        _read(told, trail, frozenset(names), administrative)
    except NotFound:
        told.reason = "there is no audit trail {0}".format(trail.path)
    return told


def _read(told: UsageReport, trail: Trail, names: Collection[str], administrative: Collection[str]) -> None:
    for raw, _file, _end in read_lines(trail.path):
        if told.since is None:
            _begin(told, raw)
        found = _TELLING.search(raw)
        if found is not None and found.group(1).decode("ascii", "replace") in names:
            line = read_line(raw.rstrip(b"\n"))
            if line is not None and not (trail.shared and line.entry.get("store") != trail.store):
                _count(told, line.entry, administrative)
        elif _LOST in raw:
            told.complete = False


def _begin(told: UsageReport, raw: bytes) -> None:
    first = read_line(raw.rstrip(b"\n"))
    if first is not None:
        told.since, told.complete = first.entry.get("time"), first.link.sequence == 1


def _count(told: UsageReport, entry: Mapping[str, Any], administrative: Collection[str]) -> None:
    name = entry["name"]
    if entry["action"] != DELETE:
        told.usages.setdefault(name, Usage()).count(entry, administrative)
    elif entry.get("stage") in (None, CURRENT):
        told.usages.pop(name, None)  # a credential made with that name afterwards is another one
