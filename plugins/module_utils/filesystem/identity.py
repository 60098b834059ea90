# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells whether two paths lead to one file."""

from __future__ import annotations

import os


def describe_file(path: str) -> str:
    """A text that is equal for two paths of one file or directory: links of any kind and bind mounts lead to the same one."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return "{0}:{1}".format(status.st_dev, status.st_ino)
