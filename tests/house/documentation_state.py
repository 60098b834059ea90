# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the documentation as a page of the site: what there is of each part, and what of it the tests run.

It is counted each time that the site is built, and kept nowhere. `python -m tests.house.documentation_state` prints it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, List, Mapping, Sequence, Tuple

import yaml

from tests.integration.documented import blocks, examples, plugins, role_examples, roles

CHECKOUT = Path(__file__).resolve().parents[2]
HEAD = """\
# The state of the documentation

Counted when these pages were built. The tests run every block that is counted as run, as it is printed, and
every example of a plugin and of a role.

| part | pages | pages with something that runs | blocks that run |
|---|---|---|---|
"""
CHECKED = """
## Checked by tests

| | |
|---|---|
"""


def build_state(parts: Iterable[Tuple[str, Sequence[str]]]) -> str:
    """Return the page.

    Args:
        parts: the parts of the site, each with the names of its pages below the checkout.
    """
    rows = [_count_part(title, names) for title, names in parts]
    totals = [sum(column) for column in zip(*(numbers for _title, numbers in rows))]
    table = "".join(_build_row(title, numbers) for title, numbers in [*rows, ("all", totals)])
    return HEAD + table + CHECKED + "".join("| {0} | {1} |\n".format(what, count()) for what, count in COUNTS.items())


def _count_part(title: str, names: Sequence[str]) -> Tuple[str, List[int]]:
    run = [sum(block.is_run for block in blocks(CHECKOUT / name)) for name in names]
    return title, [len(names), sum(count > 0 for count in run), sum(run)]


def _build_row(title: str, numbers: Iterable[int]) -> str:
    return "| {0} | {1} |\n".format(title, " | ".join(map(str, numbers)))


def _count_of(what: Iterable[bool]) -> str:
    found = list(what)
    return "{0} of {1}".format(sum(found), len(found))


def _count_errors() -> str:
    groups = yaml.safe_load((CHECKOUT / "tests" / "house" / "errors.yml").read_text(encoding="utf-8"))
    return _count_of(bool(row.get("do")) for group in groups for row in group["codes"].values())


def _count_threats() -> str:
    scenarios = yaml.safe_load((CHECKOUT / "tests" / "house" / "threat_model.yml").read_text(encoding="utf-8"))
    return _count_of(bool(tests) for stops in scenarios.values() for tests in stops.values())


def _count_features() -> str:
    tools = yaml.safe_load((CHECKOUT / "tests" / "house" / "parity.yml").read_text(encoding="utf-8"))
    return _count_of(row["status"] == "have" for tool in tools for row in tool["features"])


COUNTS: Mapping[str, Callable[[], str]] = {
    "plugins with examples": lambda: _count_of(bool(examples(kind, name)) for kind, name in plugins()),
    "roles with an example": lambda: _count_of(bool(role_examples(name)) for name in roles()),
    "errors with what to do": _count_errors,
    "lines of the threat model that a test shows": _count_threats,
    "features of other tools that are there": _count_features,
}


def main() -> None:
    """Print the page."""
    from tests.house.build_site import list_parts

    print(build_state(list_parts()))


if __name__ == "__main__":
    main()
