# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/troubleshooting/README.md knows every error, and quotes messages that the code really has."""

from __future__ import annotations

import ast
import re

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.conftest import CHECKOUT
from tests.house.source import SourceTree

PAGE = (CHECKOUT / "docs" / "troubleshooting" / "README.md").read_text(encoding="utf-8")
CODES = {kind.code: name for name, kind in vars(errors).items() if isinstance(kind, type) and hasattr(kind, "code")}
ROW = re.compile(r"^\| (?:`(\w+)`)? *\| `([^`]+)` \| [^|]*\| [^|]+\|$", re.MULTILINE)
UNUSED = PAGE[PAGE.index("this release never raises them") : PAGE.index("## Without a code")]


PLUGINS = SourceTree(CHECKOUT).python("plugins")


def texts():
    """Every text in the code, with a gap where a value goes."""
    for source in PLUGINS:
        for node in source.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def test_every_code_has_a_row_or_is_said_to_be_unused():
    rows = {code for code, _message in ROW.findall(PAGE)}
    assert [code for code in CODES if (code in rows) == ("`{0}`".format(code) in UNUSED)] == []


def test_every_message_is_one_of_the_code():
    everything = "\0".join(texts())
    wanted = {message: r"\{[^}\0]*\}".join(re.escape(piece) for piece in message.split("…")) for _code, message in ROW.findall(PAGE)}
    assert wanted
    assert [message for message, pattern in wanted.items() if not re.search(pattern, everything)] == []


def test_no_code_is_named_that_is_not_there():
    assert {code for code, _message in ROW.findall(PAGE) if code} <= set(CODES)


def test_what_is_said_to_be_unused_is_raised_nowhere():
    raising = {code: re.compile(r"\b{0}\(".format(CODES[code])) for code in re.findall(r"`(\w+)`", UNUSED)}
    used = [
        "{0}: {1}".format(source.name, code)
        for source in PLUGINS
        for code, pattern in raising.items()
        if source.path.name != "errors.py" and pattern.search(source.text)
    ]
    assert used == []
