# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `permissions`: the mode of the files that hold values."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

_ALLOWED = (0o600, 0o400)


def read_mode(value: Any) -> int:
    """Return the mode. YAML reads an unquoted `0600` as an octal number, so a number is the mode itself.

    Raises:
        InvalidConfiguration: it is no mode, or others could read the files, or their owner could not.
    """
    mode = value
    if isinstance(value, str) and value and set(value) <= set("01234567"):
        mode = int(value, 8)
    if isinstance(mode, bool) or mode not in _ALLOWED:
        what = "the files of a store are read by its owner alone"
        remedy = "Write '0600' or '0400', in quotes. For several users take a backend on a server."
        raise InvalidConfiguration(what, option="permissions", remedy=remedy)
    return int(mode)
