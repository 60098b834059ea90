# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a run: which credentials it used, where, what ends soon, what was spared. Text for people, JSON for CI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, directory_of, exchange

MOST_LINES = 50
MOST_HOSTS = 5
"""How many credentials, and hosts of each, the text names."""
NO_SESSION = "This run had no session, so nothing was counted."


def read_summary(within: str) -> dict[str, Any]:
    """Return what the run has used.

    Args:
        within: the time before its end from which a value counts as one that ends soon, for example `14d`.

    Returns:
        `{session, expires_within, used: {credentials, reads, reads_not_named}, requests}`. Each of `credentials` has `store`, `name`,
        `versions`, `hosts`, `more_hosts`, `reads`, `expires_at` and `expires_soon`; `requests` is that of the module `cache`.
        `session` is False, and `used` and `requests` are None, if the run had none.

    Raises:
        InvalidInput: `within` is no time.
    """
    margin = duration(within, "summary_expires")
    found: dict[str, Any] = {"used": None, "requests": None}
    with suppress(OSError, KeyError):
        found = exchange(directory_of(*controller()), {"summary": True})["result"]
    soon = datetime.now(timezone.utc) + margin
    for row in (found["used"] or {}).get("credentials", ()):
        row["expires_soon"] = row["expires_at"] is not None and datetime.fromisoformat(row["expires_at"]) <= soon
    return {"session": found["used"] is not None, "expires_within": within, **found}


def write_summary(summary: Mapping[str, Any], path: str) -> None:
    """Write a summary as JSON, readable by this user only.

    Raises:
        CredentialError: the file cannot be written.
    """
    path = expand_home(path, "summary_file")
    with translated("the summary of the run", path, writing=True):
        write_durably(path, json.dumps(summary, indent=2, sort_keys=True).encode("utf-8") + b"\n")


def describe_summary(summary: Mapping[str, Any]) -> list[str]:
    """Return a summary as lines for people."""
    if not summary["session"]:
        return [NO_SESSION]
    rows = summary["used"]["credentials"]
    lines = [_describe(row) for row in sorted(rows, key=lambda row: not row["expires_soon"])[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append("and {0} more".format(len(rows) - MOST_LINES))
    requests = summary["requests"]
    spared, reads = requests["requests_saved"], summary["used"]["reads"]
    lines.append("{0} credentials were read {1} times; {2} of these reads needed no request of their own.".format(len(rows), reads, spared))
    return lines


def _describe(row: Mapping[str, Any]) -> str:
    hosts = row["hosts"][:MOST_HOSTS]
    others = len(row["hosts"]) - len(hosts)
    where = ", ".join(hosts) + (" and {0}{1} more".format(others, "+" if row["more_hosts"] else "") if others else "")
    text = "{0}: {1}".format(row["store"], row["name"])
    text += " version {0}".format(", ".join(row["versions"])) if row["versions"] else ""
    text += " on {0}".format(where) if where else ""
    return text + (_describe_end(row["expires_at"]) if row["expires_soon"] else "")


def _describe_end(expires_at: str) -> str:
    left = datetime.fromisoformat(expires_at) - datetime.now(timezone.utc)
    if left <= timedelta(0):
        return "  EXPIRED at {0}".format(expires_at)
    minutes = int(left.total_seconds()) // 60
    units = (("days", 24 * 60), ("hours", 60), ("minutes", 1))
    unit, length = next(each for each in units if minutes >= 2 * each[1] or each[1] == 1)
    return "  EXPIRES in {0} {1}".format(minutes // length, unit)
