# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the environment variables begin that a backend, a key source, or the library of one reads."""

from __future__ import annotations

from typing import Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import SOURCES

_DECLARED = (*(read_traits(backend) for backend in BACKENDS), *SOURCES.values())
PREFIXES: Tuple[str, ...] = tuple(sorted({prefix for traits in _DECLARED for prefix in traits.environment_prefixes}))
"""Of all backends and key sources."""
