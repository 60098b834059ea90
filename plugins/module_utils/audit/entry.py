# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entry of the audit trail: who, when, what, with what result (E5). Never a value."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import Caller

OK = "ok"
STALE = "stale"
"""The result of a read that a copy has answered, because the backend does not respond (`fallback_copy`)."""
BEGUN = "begun"
"""In a strict trail, a write also has an entry before it. The entry that follows, if any, has the result."""

VIOLATIONS = frozenset(
    (
        "access_denied",
        "tampered",
        "misplaced",
        "rolled_back",
        "damaged",
        "wrong_key",
        "not_encrypted",
    )
)
"""The results that are violations: a caller requested what it may not read, or something changed what is stored."""

_LONGEST = 300
_ASSERTED = ("username", "controller", "user", "workflow", "run", "host", "task", "execution_id", "address")


class Event(NamedTuple):
    """An event before it is written. It is cheap to make, since every read makes one."""

    nanoseconds: int
    asking: Caller
    action: str
    result: str
    name: Optional[str] = None
    version: Optional[str] = None
    stage: Optional[str] = None
    missed: Optional[int] = None
    outcome: Optional[str] = None
    target: Optional[Mapping[str, Any]] = None


def build_entry(event: Event, store: str) -> Dict[str, Any]:
    """Return the entry of an event. What is unknown is left out; `uid` is the asserted one if the edge knew it."""
    context = event.asking.context
    entry: Dict[str, Any] = {
        "time": _time(event.nanoseconds),
        "action": event.action,
        "result": event.result,
        "store": store,
        "tenant": context.tenant,
        "uid": os.getuid() if context.uid is None else context.uid,
        "process": os.getpid(),
    }
    if event.result in VIOLATIONS:
        entry["violation"] = True
    known: Mapping[str, Any] = {
        "name": event.name,
        "version": event.version,
        "stage": event.stage,
        "missed": event.missed,
        "operation": event.asking.operation,
        "outcome": event.outcome,
        "target": None if event.target is None else {key: str(value)[:_LONGEST] for key, value in event.target.items()},
    }
    entry.update((key, value) for key, value in known.items() if value is not None)
    for key in _ASSERTED:
        value = getattr(context, key)
        if value is not None:
            entry[key] = str(value)[:_LONGEST]
    return entry


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, timezone.utc)
    return "{0}.{1:06d}Z".format(whole.strftime("%Y-%m-%dT%H:%M:%S"), rest // 1000)
