# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give up the session of a run, once for all its workers: a file in the session's directory has the reason."""

from __future__ import annotations

import os

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

NOT_STARTED = "it did not start ({0})"


def abandon_session(directory: str, why: str) -> str:
    """Make the whole run continue without a session. Return the recorded reason, which is that of the first process to give up."""
    gone = Place(directory).abandonment_file
    draft = "{0}.{1}".format(gone, os.getpid())
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="utf-8") as file:
            file.write(why)
        try:
            os.link(draft, gone)  # whole, or not at all: all processes read the same reason
        finally:
            os.unlink(draft)
    except OSError:
        pass  # another process was first, or the directory is gone: then each process finds out by itself
    return read_abandoned(directory) or why


def read_abandoned(directory: str) -> str | None:
    """Return the reason why this run has given up its session; None if it has not."""
    try:
        with open(Place(directory).abandonment_file, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None
