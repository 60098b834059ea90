# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the page that compares features with those of other tools: `python -m tests.house.write_parity_page`.

It is written from `parity.yml`. A test compares the page with what this writes, and looks for each test that it names.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).with_name("parity.yml")
PAGE = CHECKOUT / "docs" / "parity.md"
HAVE, PLANNED, DECLINED = "have", "planned", "declined"
STATUSES = (HAVE, PLANNED, DECLINED)
HEAD = """\
<!--
Copyright (c) 2026, the nebula.credential authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

<!-- Written by a script from tests/house/parity.yml: do not edit. -->

# Features of other tools

What tools of today do with secrets, and what this collection has instead. A feature that it has is shown by a
test, whose place is below `tests`. *Planned* is not there yet, or not proved. *Declined* is left out, for the
reason that is given.

"""


def read_tools() -> List[Dict[str, Any]]:
    """Return the tools: each has `tool` and `features`, of which each has `feature`, `status`, `how` and maybe `test`."""
    found: List[Dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return found


def build_page() -> str:
    """Return the page."""
    tools = read_tools()
    counts = Counter(row["status"] for tool in tools for row in tool["features"])
    lines = [HEAD + "| tool | features | have | planned | declined |\n|---|---|---|---|---|\n"]
    lines += [_build_count(tool["tool"], Counter(row["status"] for row in tool["features"])) for tool in tools]
    lines.append(_build_count("all", counts))
    return "".join((*lines, *map(_build_section, tools)))


def _build_count(name: str, counts: Counter[str]) -> str:
    return "| {0} | {1} | {2} |\n".format(name, sum(counts.values()), " | ".join(str(counts[status]) for status in STATUSES))


def _build_section(tool: Dict[str, Any]) -> str:
    head = "\n## {0}\n\n| feature | status | here | test |\n|---|---|---|---|\n".format(tool["tool"])
    return head + "".join(_build_row(row) for row in sorted(tool["features"], key=lambda row: STATUSES.index(row["status"])))


def _build_row(row: Dict[str, Any]) -> str:
    test = "`{0}`".format(row["test"]) if "test" in row else ""
    return "| {0} | {1} | {2} | {3} |\n".format(row["feature"], row["status"], row["how"], test)


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
