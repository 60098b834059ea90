# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the table of what each type can do into its page: `python -m tests.house.write_type_matrix`. Needs the collection on PYTHONPATH.

It is written from the capabilities that the types declare. The last columns are the store's work, for a credential of any type:
`tests/unit/types` tries them with every type. A test compares the page with what this writes.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.nebula.credential.plugins.module_utils.types.base import TypeCapabilities
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES, type_named

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "reference" / "types.md"
BEGIN, END = "<!-- Written by a script from the types: do not edit. -->\n", "<!-- The end of what the script writes. -->\n"
HEAD = """\
| Type | Interactive | Refresh | Rotation | Generation | Cached | Composed | Agreed | Revocation | Scope isolation | Audit | Multi-tenant |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
OF_THE_STORE = ("yes", "yes", "yes")
DECLARATION = {"fields": [{"name": "any"}]}
"""What the type `custom` needs; its capabilities do not depend on it."""


def build_matrix() -> str:
    """Return the table, with its marks before and after it."""
    return "{0}\n{1}{2}\n{3}".format(BEGIN, HEAD, "".join(map(_build_row, TYPES)), END)


def _build_row(name: str) -> str:
    able = type_named(name, DECLARATION).capabilities
    refresh = _say(able.refresh) if able.refresh else "no (`refresh_unsupported`)"
    others = (_say(able.rotation), _say(able.generation), _say(able.cached), _say(able.composed), _say(able.agreed), _say(able.revocation))
    return "| `{0}` | {1} |\n".format(name, " | ".join((_say(able.interactive), refresh, *others, *OF_THE_STORE)))


def _say(able: bool) -> str:
    return "yes" if able else "no"


def put_matrix(page: str) -> str:
    """Return a page with the table in the place of the one that it has.

    Raises:
        ValueError: the page has no place for it.
    """
    before, _begin, rest = page.partition(BEGIN)
    _table, end, after = rest.partition(END)
    if not end:
        raise ValueError("{0} has no marks around its table".format(PAGE))
    return before + build_matrix() + after


CAPABILITIES = tuple(TypeCapabilities.__dataclass_fields__)
"""What a type declares; each has a column."""

if __name__ == "__main__":
    PAGE.write_text(put_matrix(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
