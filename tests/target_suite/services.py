# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services that the suite runs on: those that NEBULA_CONFORMANCE_TARGETS names."""

from __future__ import annotations

import importlib
import os
from typing import Tuple, Type

from .harness import TargetService

VARIABLE = "NEBULA_CONFORMANCE_TARGETS"


def read_services() -> Tuple[Type[TargetService], ...]:
    """Return the services that the variable names.

    Raises:
        RuntimeError: it is not set, or not of the form `module:NAMES`.
    """
    module, colon, names = os.environ.get(VARIABLE, "").partition(":")
    if not (module and colon and names):
        raise RuntimeError("{} is to name the services: module:NAMES".format(VARIABLE))
    return tuple(getattr(importlib.import_module(module), names))


SERVICES = read_services()
LONG = os.environ.get("NEBULA_TEST_PROFILE") == "long"
"""Whether everything is played, not only a part of it."""


def find_label(service: Type[TargetService]) -> str:
    """Return the name of a service in the ids of tests."""
    return service.label or service.kind
