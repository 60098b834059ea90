# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every backend that stores objects."""

from __future__ import annotations

from typing import Any, Mapping

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "keep_versions": {"description": "How many older values of a credential can still be read.", "type": "int", "default": 10},
}
"""The options as an argument spec."""
