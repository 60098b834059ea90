# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrap the prose of the pages at a width that people read: `python -m tests.house.wrap_pages`.

Paragraphs and list items are wrapped. Code, tables, headings and comments stay as they are, and no code span is broken.
"""

from __future__ import annotations

import re
import sys
import textwrap
from typing import Iterator, List, Tuple

from tests.house.rooms import CHECKOUT
from tests.house.source import SourceTree

WIDTH = 110
ITEM = re.compile(r"( *)([-*]|\d+\.) +")
LITERAL = re.compile(r" *\||#|<|!\[|    ")
CODE = re.compile(r"`[^`\n]+`")
BEGINS_SOMETHING = re.compile(r" (?=(?:[-+*>]|#+|\d+\.) )")
"""A blank before a word that would begin an item, a quotation or a heading if it stood at the beginning of a line."""
KEPT = "\0"
WRITTEN = "<!-- Written by a script"


def wrap_page(text: str) -> str:
    """Return the page with each paragraph and list item wrapped that has a line that is too long. A page that a script writes stays."""
    if WRITTEN in text:
        return text
    wrapped = (_wrap(block) if prose and max(map(len, block)) > WIDTH else block for prose, block in _read_blocks(text))
    return "".join(line + "\n" for block in wrapped for line in block)


def list_long_lines(text: str) -> List[str]:
    """Return the lines that `wrap_page` would shorten."""
    wrapped = set(wrap_page(text).splitlines())
    return [line for line in text.splitlines() if len(line) > WIDTH and line not in wrapped]


def _read_blocks(text: str) -> Iterator[Tuple[bool, List[str]]]:
    """Yield each paragraph and list item as prose, and each other line by itself."""
    block: List[str] = []
    code = comment = False
    for line in text.splitlines():
        is_fence, comment = line.lstrip().startswith("```"), comment or line.startswith("<!--")
        prose = not (code or is_fence or comment or _is_literal(line, block))
        if block and (not prose or ITEM.match(line)):
            yield True, block
            block = []
        if prose:
            block.append(line)
        else:
            yield False, [line]
        code, comment = code != is_fence, comment and not line.endswith("-->")
    if block:
        yield True, block


def _is_literal(line: str, block: List[str]) -> bool:
    """Whether a line is no prose: a table, a heading, or indented code, unless it continues the list item in `block`."""
    return not line.strip() or (bool(LITERAL.match(line)) and not (line.startswith(" ") and block and ITEM.match(block[0])))


def _wrap(block: List[str]) -> List[str]:
    found = ITEM.match(block[0])
    first = found.group() if found else re.match(r" *", block[0]).group()  # type: ignore[union-attr]
    text = " ".join([block[0][len(first) :], *(line.strip() for line in block[1:])])
    text = CODE.sub(lambda code: code.group().replace(" ", KEPT), text)
    text = BEGINS_SOMETHING.sub(KEPT, text)
    wrapped = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(KEPT, " ") for line in wrapped]


def main() -> int:
    """Wrap every page."""
    from tests.house.page_rules import pages

    for page in pages(SourceTree(CHECKOUT)):
        page.path.write_text(wrap_page(page.text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
