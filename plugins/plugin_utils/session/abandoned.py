# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going on without a session, once for all workers of a run: a file in its directory says so, and why."""

from __future__ import annotations

import os

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place


def give_up(directory: str, why: str) -> str:
    """Have the whole run go on without a session. Answers the reason that stands, which is that of the first to give up."""
    gone = Place(directory).gone
    draft = "{0}.{1}".format(gone, os.getpid())
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="utf-8") as file:
            file.write(why)
        try:
            os.link(draft, gone)  # whole, or not at all: all that look at it say the same
        finally:
            os.unlink(draft)
    except OSError:
        pass  # somebody has, or the directory is gone: then each process finds out by itself
    return given_up(directory) or why


def given_up(directory: str) -> str | None:
    """Why this run goes on without a session; None where it does not."""
    try:
        with open(Place(directory).gone, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None
