# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command shows: values only where they are meant to go, tables and JSON."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

CLEARED_AFTER = 45
"""Seconds."""
LONGEST_COPY = 74_000
"""Bytes. Terminals take 100,000 characters of an OSC 52 sequence, and base64 needs a third more than the value."""


def check_may_show(is_asked: bool) -> None:
    """Check that values may be written to standard output.

    Raises:
        InvalidInput: it is a terminal, and the command line does not say that they may be seen.
    """
    if sys.stdout.isatty() and not is_asked:
        remedy = "Give --show to see it, or send the output into a pipe or a file. 'get' also has --copy, for the clipboard."
        raise InvalidInput("a value is not printed to a terminal", option="--show", remedy=remedy)


def write_value(value: bytes, *, is_raw: bool) -> None:
    """Write a value to standard output, with a line break after it unless `is_raw`. The locale does not change it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(value if is_raw else value + b"\n")
    sys.stdout.buffer.flush()


def write_json(content: Any) -> None:
    """Write JSON to standard output."""
    write_value(json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8"), is_raw=False)


def write_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table to standard output: columns with two spaces between them, under titles if it is a terminal."""
    shown = [["" if cell is None else make_printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        shown.insert(0, [title.upper() for title in titles])
    widths = [max((len(row[column]) for row in shown), default=0) for column in range(len(titles))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def make_printable(text: str) -> str:
    """Return the text without what a terminal would take for a command. Names and descriptions are what others have written."""
    return "".join(char if char.isprintable() else "?" for char in text)


def note(text: str) -> None:
    """Write a line for a person to standard error."""
    print(text, file=sys.stderr, flush=True)


def describe_change(result: Mapping[str, Any]) -> str:
    """Return a line about a write: the credential, its version, and whether anything was changed."""
    credential = result.get("credential") or {}
    version = "" if credential.get("version") is None else " version {0}".format(credential["version"])
    return "{0}:{1}{2}".format(result["name"], version, "" if result["changed"] else " (unchanged)")


def copy_to_clipboard(value: bytes, seconds: int) -> None:
    """Put a value into the clipboard of the terminal, wait, and clear it. Ctrl-C clears it at once.

    The terminal itself is asked to (OSC 52): so it works through SSH, and no other program gets the value.

    Args:
        value: the value.
        seconds: how long it stays; 0 leaves it there.

    Raises:
        InvalidInput: there is no terminal, or the value is too long.
    """
    if len(value) > LONGEST_COPY:
        raise InvalidInput("the value has more than {0} bytes".format(LONGEST_COPY), option="--copy", remedy="Send it into a file.")
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        raise InvalidInput("there is no terminal", option="--copy", remedy="Send the value into a pipe or a file.") from None
    try:
        if not seconds:
            _send(terminal, base64.b64encode(value))
            return
        try:  # from the first byte on: Ctrl-C may come at any moment
            _send(terminal, base64.b64encode(value))
            note("In the clipboard for {0} seconds, if the terminal supports OSC 52. Ctrl-C clears it now.".format(seconds))
            time.sleep(seconds)
        except KeyboardInterrupt:
            pass
        finally:
            # xterm's control sequences: what is no base64 clears the selection.
            _send(terminal, b"!")
    finally:
        os.close(terminal)


def _send(terminal: int, content: bytes) -> None:
    sequence = memoryview(b"\x1b]52;c;" + content + b"\x07")
    while sequence:
        sequence = sequence[os.write(terminal, sequence) :]
