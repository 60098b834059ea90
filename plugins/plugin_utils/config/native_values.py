# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert Ansible's own kinds of text and containers to plain ones, and decrypt vaulted values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def to_native(value: Any) -> Any:
    """Return `value` as dict, list and Python's own scalars only."""
    if isinstance(value, Mapping):
        return {str(name): to_native(element) for name, element in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_native(element) for element in value]
    if value is None or isinstance(value, (bool, bytes)):
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)
