# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment variables of the run."""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found

OPTIONS: Mapping[str, Mapping[str, Any]] = {}


def read(_path: str, _options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield all variables, byte for byte; what is adopted of them the option `only` says. There is no path."""
    for name, value in sorted(os.environb.items()):
        yield Found(os.fsdecode(name), value, {}, "the environment")
