# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text files of other tools, as bytes and as text."""

from __future__ import annotations

import os

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import read_content
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput


def read_bytes(path: str) -> bytes:
    """Return the content of a file.

    Raises:
        InvalidInput: there is no such file.
        CredentialError: it cannot be read, is no regular file, or has more than 16 MiB.
    """
    if not os.path.lexists(path):
        raise missing_error(path)
    return read_content(path)


def read_text(path: str) -> str:
    """Return the text of a file, with its line ends as they are.

    Raises:
        InvalidInput: there is no such file, or it is no UTF-8 text.
        CredentialError: as `read_bytes`.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:  # it holds the text itself
        raise unreadable_error(path, "it is no UTF-8 text") from None


def missing_error(path: str) -> InvalidInput:
    """Return the error for a path where nothing is."""
    return InvalidInput("there is nothing at '{0}'".format(path), option="path", remedy="Check the path.")


def unreadable_error(path: str, what: str, line: int = 0) -> InvalidInput:
    """Return the error for a file that is not of its format, with the line if it is known. `what` shows nothing of the file."""
    place = ", line {0}".format(line) if line else ""
    remedy = "Nothing was adopted. Check the file, and the option 'from'."
    return InvalidInput("'{0}'{1}: {2}".format(path, place, what), option="path", remedy=remedy)
