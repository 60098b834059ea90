# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report may be written over: an earlier one, and no other file."""

from __future__ import annotations

import os

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular


def check_earlier_report(path: str, first: str) -> None:
    """Check that there is nothing at a path, or an empty file, or an earlier report.

    Args:
        path: where a report is to be written.
        first: the first member of such a report, by which one is recognised.

    Raises:
        InvalidInput: something else is there, or it cannot be read.
    """
    mark = '{{\n  "{0}": '.format(first).encode("ascii")
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            found = file.read(len(mark))
    except FileNotFoundError:
        return
    except Damaged:  # a directory, a FIFO
        found = b"?"
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "its name holds a zero byte"
        what = "no file can be written at '{0}': {1}".format(path, reason)
        raise InvalidInput(what, option="report", remedy="Nothing was done. Name another file.") from None
    if found not in (b"", mark):
        what = "'{0}' exists, and is no earlier report".format(path)
        raise InvalidInput(what, option="report", remedy="Nothing was done. Name another file, or remove this one.")
