# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The harness of every backend of the registry. One that has none fails the import, and with it the suites."""

from __future__ import annotations

import importlib
from typing import Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS
from tests.backends.harness import Elsewhere, Harness, StoreKind
from tests.backends.throttling import throttle
from tests.conftest import PROFILE

HARNESSES: Mapping[str, Harness] = {name: importlib.import_module("tests.backends." + name).HARNESS for name in sorted(BACKENDS)}
ELSEWHERE: Mapping[str, Elsewhere] = {name: each.elsewhere for name, each in HARNESSES.items() if each.elsewhere is not None}
DECLARED: Tuple[StoreKind, ...] = (
    *(kind for harness in HARNESSES.values() for kind in harness.kinds if not kind.figures_only),
    *(kind for elsewhere in ELSEWHERE.values() for kind in elsewhere.find_kinds()),
)
KINDS: Tuple[StoreKind, ...] = tuple(kind for kind in DECLARED if PROFILE == "long" or not kind.long_only)
READERS = tuple(reader for harness in HARNESSES.values() for reader in harness.readers)
THROTTLED = {label for harness in HARNESSES.values() for label in harness.throttled}
CONFORMING: Tuple[StoreKind, ...] = KINDS + tuple(
    throttle(HARNESSES[kind.backend], kind) for kind in KINDS if kind.label in THROTTLED and PROFILE == "long"
)
"""What the conformance suite runs on."""
