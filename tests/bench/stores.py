# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening what is measured, and making what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping


def open_store(config: Mapping[str, Any]) -> Any:
    """A store with all its layers, as lookups open it."""
    from ansible_collections.nebula.credential.plugins.module_utils.store import open as store

    return store.open_store(config, name="bench", warn=lambda _message: None, vault_password=lambda _vault_id: None)


def open_local(directory: Path, **options: Any) -> Any:
    """A local store with its key beside it."""
    sources = [{"source": "key_file", "path": str(directory) + ".key"}]
    config: Dict[str, Any] = dict({"backend": "local", "path": str(directory), "key_sources": sources}, **options)
    return open_store(config)


def innermost(backend: Any) -> Any:
    """The backend within its layers."""
    while backend.inner is not None:
        backend = backend.inner
    return backend


def wanted(name: str, value: str) -> Any:
    """A credential to store."""
    from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
    from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential

    return DesiredCredential(name, type="basic", fields={"username": Secret("app"), "password": Secret(value)})
