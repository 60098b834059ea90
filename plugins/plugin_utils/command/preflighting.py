# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`preflight`: check the credentials that playbooks mention, before one of them runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.preflight import PREFLIGHT
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK, TROUBLE
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note, write_json, write_table
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.report import build_report, search


def preflight(invocation: Invocation) -> int:
    """Search the files of playbooks, check what they mention, and list what cannot be told."""
    given = invocation.arguments

    def ask(store: str | None, names: Sequence[str]) -> Mapping[str, Any]:
        arguments = {"names": list(names), "for": given.needed}
        return invocation.choose(store).perform_module("preflight", PREFLIGHT, arguments).result

    report = build_report(search(given.playbooks, given.roles_path or (), given.inventory or ()), ask)
    if given.json:
        write_json(report)
    else:
        write_table(
            ("name", "state", "place", "why"), ([row["name"], row["state"], row["places"][0], row["message"]] for row in report["problems"])
        )
        for each in report["untold"]:
            note("{place}: {reason}".format(**each))
        counts = (report["checked"], report["files"], len(report["problems"]), len(report["untold"]))
        note("{0} credentials in {1} files: {2} cannot be used; {3} places name one that cannot be told".format(*counts))
    return TROUBLE if report["problems"] else OK
