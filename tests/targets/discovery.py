# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services of the suite: every subclass of `TargetService` in `tests/targets/<kind>.py`.

A target without that file fails the import.
"""

from __future__ import annotations

import importlib
from typing import Iterator, Mapping, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from tests.targets.harness import TargetService

UNPROVEN: Mapping[str, str] = {}
"""Targets without a service here, and why none can be had."""


def _find_services() -> Iterator[Type[TargetService]]:
    for kind in TARGETS:
        if kind in UNPROVEN:
            continue
        module = importlib.import_module("tests.targets." + kind)
        found = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, TargetService)]
        yield from (each for each in found if each.__module__ == module.__name__ and not each.__abstractmethods__)


SERVICES: Tuple[Type[TargetService], ...] = tuple(_find_services())
"""What the suite runs on."""
