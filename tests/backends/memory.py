# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend memory: in the test's own process, or in a file that it leaves at its end."""

from __future__ import annotations

from pathlib import Path

from tests.backends.harness import Choice, Harness, Options, Place, StoreKind, encrypting


def _in_process(_directory: Path) -> Options:
    return {"max_credentials": 20000}


def _in_file(directory: Path) -> Options:
    return {"max_credentials": 200000, "persist_on_shutdown": True, "persist_path": str(directory / "kept")}


HARNESS = Harness(
    backend="memory",
    kinds=(
        StoreKind("memory", "memory", _in_process, persistent=False, plays=False),
        StoreKind("memory-encrypted", "memory", _in_process, encrypting, persistent=False, plays=False),
        StoreKind("memory-persisted", "memory", _in_file, encrypting, many=False),
    ),
    offline=lambda _directory: {},
    choices=(Choice("Memory", "{backend: memory}", ("memory-encrypted",), Place.MACHINE, "in the tests' own process"),),
)
