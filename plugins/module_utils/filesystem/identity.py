# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity of files: whether two paths lead to the same one."""

from __future__ import annotations

import os


def describe_file(path: str) -> str:
    """Return a text that is equal for all paths of one file or directory, through links of any kind and bind mounts."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return "{0}:{1}".format(status.st_dev, status.st_ino)
