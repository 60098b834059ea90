# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/troubleshooting.md knows every error, and quotes messages that the code really has."""

from __future__ import annotations

import ast
import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.conftest import CHECKOUT

PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
CODES = {kind.code: name for name, kind in vars(errors).items() if isinstance(kind, type) and hasattr(kind, "code")}
ROW = re.compile(r"^\| (?:`(\w+)`)? *\| `([^`]+)` \| [^|]*\| [^|]+\|$", re.MULTILINE)
UNUSED = PAGE[PAGE.index("nothing in this release answers them") : PAGE.index("## Without a code")]


def texts():
    """Every text in the code, with a gap where a value goes."""
    for path in sorted((CHECKOUT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


TEXTS = list(texts())


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_row_or_is_said_to_be_unused(code):
    assert (code in {row[0] for row in ROW.findall(PAGE)}) != ("`{0}`".format(code) in UNUSED)


@pytest.mark.parametrize("message", [message for _code, message in ROW.findall(PAGE)])
def test_every_message_is_one_of_the_code(message):
    wanted = re.compile(r"\{[^}]*\}".join(re.escape(piece) for piece in message.split("…")))
    assert any(wanted.search(text) for text in TEXTS)


def test_no_code_is_named_that_is_not_there():
    assert {code for code, _message in ROW.findall(PAGE) if code} <= set(CODES)


@pytest.mark.parametrize("code", re.findall(r"`(\w+)`", UNUSED))
def test_what_is_said_to_be_unused_is_raised_nowhere(code):
    raising = re.compile(r"\b{0}\(".format(CODES[code]))
    found = [path.name for path in (CHECKOUT / "plugins").rglob("*.py") if raising.search(path.read_text(encoding="utf-8"))]
    assert [name for name in found if name != "errors.py"] == []
