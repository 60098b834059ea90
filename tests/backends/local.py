# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend local: a directory of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterable

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from tests.backends.harness import Choice, Harness, Options, Place, StoreKind, encrypting
from tests.conformance.sealing import Sealing


def _in(layout: str) -> Callable[[Path], Options]:
    # Crowds on a slow disk may wait long for a lock; what is held here is that none of them loses a write.
    plain = layout != "encrypted"
    return lambda directory: {"path": str(directory / "store"), "format": layout, "allow_plaintext": plain, "lock_timeout": 120.0}


def _write_files(backend: Any, records: Iterable[Record]) -> None:
    for record in records:
        Path(backend._layout.record(record.name, record.stage)).write_bytes(record.envelope or b"")


def _sealing(backend: Backend) -> Backend:
    return Sealing(backend)


HARNESS = Harness(
    backend="local",
    kinds=(
        StoreKind("local-json", "local", _in("json"), plays=False),
        StoreKind("local-yaml", "local", _in("yaml"), plays=False),
        StoreKind("local-binary", "local", _in("binary"), plays=False),
        StoreKind("local-envelopes", "local", _in("encrypted"), _sealing, plays=False, configurable=False),
        StoreKind("local-encrypted", "local", _in("encrypted"), encrypting, load=_write_files),
    ),
    offline=lambda directory: {"path": str(directory / "store")},
    choices=(
        Choice(
            "Encrypted files",
            "{backend: local, path: ~/.nebula/credentials}",
            ("local-encrypted",),
            Place.MACHINE,
            "ext4",
            rights="the directory, 0700",
        ),
    ),
)
