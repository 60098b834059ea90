# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables in SQLAlchemy's terms (docs/decisions/2026-11-22-database-tables.md gives the reasons)."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.column_types import column_types, present_moment

KEPT = (
    *("id", "credential_type", "input_data", "state_data", "metadata", "envelope"),
    *("created_at", "updated_at", "expires_at", "encryption_key_id", "version", "revision", "written_at"),
)
"""The columns of a value. They are kept when another value replaces it."""
_IN_MYSQL = {"engine": "InnoDB", "charset": "utf8mb4"}
SCHEMA, DOCUMENT = "schema", "document"
"""The two rows of `store`."""


class Tables:
    """The tables of one store. Needs SQLAlchemy.

    Attributes:
        credentials: one row for each (name, stage).
        versions: older values of `current`.
        tombstones: the last version of deleted values.
        store: the version of these tables, and the store's document.
        tags_indexed: whether the existing tables are known to have the index of tags. It is no part of the description.
        audit_log: the audit trail. It references no other table, so that its entries outlive the credentials.
    """

    def __init__(self, prefix: str) -> None:
        """Describe the tables; `prefix` begins each name."""
        from sqlalchemy import MetaData

        self.metadata = MetaData()
        self.prefix = prefix
        self.tags_indexed = False
        self.credentials = self._table("credentials", [_key("name"), _key("stage", default="current"), *_value(), _status()])
        self.versions = self._table("versions", [_key("name"), *_value(key="version")])
        self.tombstones = self._table("tombstones", [_key("name"), _key("stage"), _column("last_version", "number", needed=True)])
        self.store = self._table("store", [_key("item"), _column("version", "number"), _column("content", "bytes")])
        self.audit_log = self._table("audit_log", _audit())
        self._indices()

    @property
    def all(self) -> List[Any]:
        """Every table."""
        return [self.credentials, self.versions, self.tombstones, self.store, self.audit_log]

    def _table(self, name: str, columns: List[Any]) -> Any:
        from sqlalchemy import Table

        kept: Dict[str, Any] = {"{0}_{1}".format(kind, key): value for kind in ("mysql", "mariadb") for key, value in _IN_MYSQL.items()}
        return Table(self.prefix + name, self.metadata, *columns, **kept)

    def _indices(self) -> None:
        from sqlalchemy import Index

        columns, audit = self.credentials.c, self.audit_log.c
        indexed = (
            ("type", [columns.credential_type]),
            ("expires", [columns.expires_at]),
            ("created", [columns.created_at]),
            ("audit", [audit.credential_id, audit.timestamp]),
        )
        for name, parts in indexed:
            Index("idx_{0}{1}".format(self.prefix, name), *parts)


def _column(name: str, kind: str, *, key: bool = False, needed: bool = False, default: Any = None) -> Any:
    from sqlalchemy import Column

    nullable = not (key or needed)
    return Column(name, column_types()[kind], primary_key=key, nullable=nullable, server_default=default, autoincrement=False)


def _key(name: str, default: Any = None) -> Any:
    return _column(name, "name" if name == "name" else "word", key=True, default=default)


def _value(key: str = "") -> List[Any]:
    now = present_moment()
    return [
        _column("id", "id"),
        _column("credential_type", "text", needed=True),
        _column("input_data", "json"),
        _column("state_data", "json"),
        _column("metadata", "json"),
        _column("envelope", "bytes"),
        _column("created_at", "time", needed=True, default=now),
        _column("updated_at", "time", needed=True, default=now),
        _column("expires_at", "time"),
        _column("encryption_key_id", "text"),
        _column("version", "number", key=key == "version", needed=True, default="1"),
        _column("revision", "number", needed=True, default="0"),
        _column("written_at", "time", needed=True, default=now),
    ]


def _status() -> Any:
    return _column("rotation_status", "word")


def _audit() -> List[Any]:
    return [
        _column("id", "id", key=True),
        _column("credential_id", "name"),
        _column("action", "word", needed=True),
        _column("user_id", "text"),
        _column("ip_address", "text"),
        _column("timestamp", "time", needed=True),
        _column("details", "json"),
    ]
