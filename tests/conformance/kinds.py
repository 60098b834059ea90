# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of store that the suite runs on: those that the environment names, and the object driver on its own.

NEBULA_CONFORMANCE_KINDS is `module:NAME`, where NAME is a sequence of `StoreKind`.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, Mapping, Tuple

from .object_places import MemoryObjects
from .store_kind import StoreKind, encrypting

VARIABLE = "NEBULA_CONFORMANCE_KINDS"


def _read_named() -> Tuple[StoreKind, ...]:
    module, _colon, name = os.environ.get(VARIABLE, "").partition(":")
    if not (module and name):
        raise RuntimeError("Set {0} to module:NAME, a sequence of StoreKind.".format(VARIABLE))
    return tuple(getattr(importlib.import_module(module), name))


def _objects(_directory: Path) -> Mapping[str, Any]:
    return {}


def _encrypted_objects(_directory: Path) -> Mapping[str, Any]:
    return {"encrypt": True}


KINDS = (
    *_read_named(),
    StoreKind("objects", "objects", _objects, persistent=False, unregistered=MemoryObjects),
    StoreKind("objects-encrypted", "objects", _encrypted_objects, encrypting, persistent=False, unregistered=MemoryObjects, many=False),
)
