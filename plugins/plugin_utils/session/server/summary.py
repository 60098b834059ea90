# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has used so far: credentials, versions, hosts. Kept only for a run that asks for a summary at its end. Never a value."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import Use

MOST_CREDENTIALS = 5000
MOST_HOSTS = 1000
"""How many credentials, and hosts of each, are named. What is beyond is only counted."""


@dataclass
class _Used:
    reads: int = 0
    versions: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    more_hosts: bool = False
    expires_at: datetime | None = None


class Summary:
    """The uses of one run. Threads share it."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], _Used] = {}
        self._reads = 0
        self._left_out = 0

    def add(self, store: str, host: str | None, uses: Iterable[Use]) -> None:
        """Add what a host has used."""
        with self._lock:
            for use in uses:
                self._reads += 1
                used = self._used.get((store, use.name))
                if used is None and len(self._used) >= MOST_CREDENTIALS:
                    self._left_out += 1
                    continue
                used = used or self._used.setdefault((store, use.name), _Used())
                used.reads += 1
                used.expires_at = use.expires_at
                if use.version is not None:
                    used.versions[use.version] = None
                if host is not None and len(used.hosts) < MOST_HOSTS:
                    used.hosts[host] = None
                elif host is not None and host not in used.hosts:
                    used.more_hosts = True

    def describe(self) -> dict[str, Any]:
        """Return the uses as JSON has them, ordered by store and name; times are ISO 8601 in UTC."""
        with self._lock:
            rows = [_describe(*place, used) for place, used in sorted(self._used.items())]
            return {"credentials": rows, "reads": self._reads, "reads_not_named": self._left_out}


def _describe(store: str, name: str, used: _Used) -> dict[str, Any]:
    return {
        "store": store,
        "name": name,
        "versions": list(used.versions),
        "hosts": sorted(used.hosts),
        "more_hosts": used.more_hosts,
        "reads": used.reads,
        "expires_at": None if used.expires_at is None else used.expires_at.isoformat(),
    }
