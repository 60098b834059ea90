# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores in a SQLite file of the test's directory."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from pathlib import Path
from typing import Any, List

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import cannot_run


def file_in(directory: Path) -> Path:
    """Where the file is."""
    return directory / "private" / "store.db"


def url_in(directory: Path) -> str:
    """Its URL."""
    return "sqlite:///{0}".format(file_in(directory))


def backend_in(directory: Path, **options: Any) -> Database:
    """The backend alone, connected."""
    backend = Database(dict(options, url=url_in(directory)), BackendContext("prod"))
    backend.connect()
    return backend


def store_in(directory: Path, **options: Any) -> CredentialManager:
    """A whole store."""
    return open_store(dict({"backend": "database", "url": url_in(directory), "audit": "off"}, **options), name="prod")


def ask(directory: Path, statement: str, *values: Any) -> List[Any]:
    """One statement, as a person with the SQLite shell has it run."""
    with contextlib.closing(sqlite3.connect(file_in(directory), isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def with_cockroachdb() -> None:
    """CockroachDB's dialect is a package of its own; without it the calling test fails in CI."""
    if importlib.util.find_spec("sqlalchemy_cockroachdb") is None:
        cannot_run("no dialect for CockroachDB. Install it with: pip install sqlalchemy-cockroachdb")
