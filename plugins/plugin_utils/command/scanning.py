# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`scan`: find stored values that lie about in files and repositories."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.scan import SCAN
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import FAILED, OK, TROUBLE
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import make_printable, note, write_json, write_table


def scan(invocation: Invocation) -> int:
    """Search the paths, and list what was found, without a value."""
    given = invocation.arguments
    arguments = {
        "paths": [os.path.abspath(path) for path in given.paths or ["."]],
        "exclude": given.exclude,
        "git": given.git,
        "staged": given.staged,
        "look_alikes": given.look_alikes,
        "prefix": given.prefix,
        "older": given.older,
        "shortest": given.shortest,
        "limit": given.limit,
        "scope": invocation.scope,
    }
    result = invocation.perform_module("scan", SCAN, arguments).result
    if given.json:
        write_json(result)
    else:
        write_table(("place", "what", "form"), (_describe(row) for row in result["findings"]))
        _note_rest(result)
    if result["total"]:
        return TROUBLE
    return FAILED if result["failed"] else OK


def _describe(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return where it is, which credential has it or what it looks like, and how it is written there."""
    where = row["path"] or "the message of a commit or a tag"
    if row["line"] is not None:
        where += ":{0}".format(row["line"])
    elif row["offset"] is not None:
        where += " (byte {0})".format(row["offset"])
    if row["object"] is not None:
        where += " ({0})".format(row["object"][:12])
    if row["name"] is None:
        return where, "looks like: {0}".format(row["looks_like"]), ""
    version = "" if row["stage"] == "current" else " ({0}, version {1})".format(row["stage"], row["version"])
    return where, "{0}:{1}{2}".format(row["name"], row["field"], version), row["form"]


def _note_rest(result: Mapping[str, Any]) -> None:
    """Write what the list does not show: what was skipped and left out, and the counts."""
    for row in result["not_searched"]:
        note("skipped: {0}: {1}".format(make_printable(row["path"]), row["reason"]))
    for name, failure in result["failures"].items():
        note("not searched for: {0}: {1}".format(make_printable(name), failure["message"]))
    if result["left_out_total"]:
        note("not searched for: {0} values that are too short or too common; --json names them".format(result["left_out_total"]))
    if result["truncated"]:
        note("{0} more are not shown; see --limit".format(result["total"] - len(result["findings"])))
    counts, scanned = result["counts"], result["scanned"]
    what = "{0} files and {1} objects of git searched for {2} values: {3} found, {4} places look like a secret"
    note(what.format(scanned["files"], scanned["objects"], result["values"], counts["value"], counts["look_alike"]))
