# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of store that the conformance suite runs on: those of each backend's harness, and the object driver on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from tests.backends.discovery import KINDS as REGISTERED
from tests.backends.harness import StoreKind, encrypting
from tests.conformance.object_places import MemoryObjects


def _objects(_directory: Path) -> Mapping[str, Any]:
    return {}


def _encrypted_objects(_directory: Path) -> Mapping[str, Any]:
    return {"encrypt": True}


KINDS = (
    *REGISTERED,
    StoreKind("objects", "objects", _objects, persistent=False, unregistered=MemoryObjects),
    StoreKind("objects-encrypted", "objects", _encrypted_objects, encrypting, persistent=False, unregistered=MemoryObjects, many=False),
)
