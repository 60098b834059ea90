# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in a relational database (A3). docs/integrations/backends/database.md describes tables and grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    Backend,
    BackendContext,
    Capabilities,
    Filter,
    Health,
    build_unreadable_row,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.backends.database import audit_rows
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.configuration import build_connections, check_prefix
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import AUTO, MANUAL, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.queries import PAGE, Queries
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.removals import Removals
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import record_of, version_number
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.schema import TAGS_INDEXED, Found, Schema
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.statements import Statements
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import DOCUMENT, Tables
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    AuditSink,
    EnvelopeRewriter,
    Located,
    SchemaAdmin,
    VersionRemover,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    MissingKey,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.audit_page import AuditPage
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration


class _Opened(NamedTuple):
    """The parts that need the libraries. They exist after `connect`."""

    tables: Tables
    reading: Queries
    writing: Statements
    removing: Removals
    schema: Schema


class Database(Backend, EnvelopeRewriter, SchemaAdmin, AuditSink, Located, VersionRemover):
    """A store in SQLite, PostgreSQL, MariaDB, MySQL or CockroachDB.

    A read is one SELECT. A write is one transaction, in which the row is locked, compared and swapped.
    """

    capabilities = Capabilities(
        versions=True, native_cas=True, stages=True, batch_get=True, envelopes=True, json_fields=True, remote=True, audit_log=True
    )
    options = TRAITS.spec

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take validated options. Opens nothing, and does not need the libraries yet.

        Raises:
            InvalidConfiguration: an option has an invalid value; the error names it.
        """
        super().__init__(options, context)
        self._connections = build_connections(options, context.store, context.warn)
        self.packages = tuple(self._connections.kind.packages)
        self._prefix = check_prefix(self.setting("table_prefix"))
        self._keep: int = self.setting("keep_versions")
        if self._keep < 0:
            raise InvalidConfiguration("{0} is too small".format(self._keep), option="keep_versions", remedy="Give 0 or more.")
        self.capabilities = replace(Database.capabilities, audit_log=self.setting("audit_table"), parallel=self._connections.most)
        self._opened: Optional[_Opened] = None
        self._is_ready = False

    def connect(self) -> None:
        """Load the libraries. The first operation opens the connection.

        Raises:
            MissingLibrary: SQLAlchemy is not installed.
        """
        self._open()

    def _open(self) -> _Opened:
        if self._opened is None:
            connections = self._connections
            connections.check()
            tables = Tables(self._prefix)
            schema = Schema(connections, tables, self.context.store)
            self._opened = _Opened(
                tables, Queries(connections, tables), Statements(connections, tables, self._keep), Removals(connections, tables), schema
            )
        return self._opened

    def _ready(self) -> _Opened:
        """Return the opened parts. The first call checks the version of the tables."""
        if not self._is_ready:
            self._check_tables()
        return self._open()

    @property
    def _migration(self) -> str:
        """What is done about tables that are missing or old: nothing in a store that is read only."""
        mode = str(self.setting("migration"))
        return MANUAL if mode == AUTO and self.settings.get("read_only") else mode

    def _check_tables(self) -> Found:
        opened = self._open()
        found = opened.schema.see_to(self._migration)
        opened.tables.tags_indexed = found.version >= TAGS_INDEXED
        self._is_ready = True
        return found

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        check_name(record.name)
        return self._ready().writing.put(record, expected, create)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        check_name(name)
        reading = self._ready().reading
        if version is not None and stage == CURRENT:
            number = version_number(version)
            # An older value first: it does not depend on the current one, which may be damaged.
            kept = None if number is None else reading.read_kept(name, number)
            if kept is not None:
                return self._record(kept, name, stage)
        row = reading.current(name, stage)
        if row is None:
            raise absent(name, stage=stage)
        if version is not None and version != str(row.version):
            raise absent(name, version, stage, [str(each.version) for each in reading.history(name)])
        return self._record(row, name, stage)

    def _record(self, row: Any, name: str, stage: str, *, values: bool = True) -> Record:
        if row.envelope is not None and self.settings.get("encrypt") is False:
            raise MissingKey(
                "an encrypted value in a store that is configured as plain", name=name, remedy="Remove 'encrypt: false' from the store."
            )
        record = record_of(row, name, stage, self.settings.get("tenant"), values=values)
        return replace(record, source=record.envelope)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = [check_name(name) for name in names]
        return {row.name: self._record(row, row.name, CURRENT) for row in self._ready().reading.several(wanted)}

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        check_name(record.name)
        return self._ready().writing.patch(record, expected_revision)

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        check_name(record.name)
        self._ready().writing.rewrite(record, replaces)

    def read_kept(self, current: Record) -> List[Record]:
        rows, found = self._ready().reading.read_all_kept(check_name(current.name)), []
        for row in rows:
            try:
                found.append(self._record(row, current.name, CURRENT))
            except CredentialError as problem:
                found.append(replace(build_unreadable_row(current.name, CURRENT, problem), version=str(row.version)))
        return found

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self._ready().removing.delete(check_name(name), stage, expected)

    def find_stages(self, name: str) -> Sequence[str]:
        return self._ready().reading.stages(check_name(name))

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        self._ready().removing.remove_version(check_name(name), version, check)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield the records page by page, so that no connection is held while the caller works on a row."""
        reading, after = self._ready().reading, None
        while True:
            try:
                rows, alone = reading.page(wanted, after), False
            except CredentialError as problem:
                # A row that the driver cannot read fails its whole page. If the names can be read, that was the reason.
                if wanted.names_only or isinstance(problem, (Unavailable, Timeout)):
                    raise
                rows, alone = reading.page(replace(wanted, names_only=True), after), True
            for row in rows:
                if row.name.startswith(wanted.prefix):
                    yield self._build_listing(row, wanted, alone)
            if len(rows) < PAGE:
                return
            after = rows[-1].name

    def _build_listing(self, row: Any, wanted: Filter, alone: bool) -> Record:
        """Return a listed row, which is read by itself if it is `alone`."""
        if wanted.names_only:
            return Record(row.name, stage=wanted.stage)
        try:
            whole = self._ready().reading.current(row.name, wanted.stage) if alone else row
            return self._record(whole, row.name, wanted.stage, values=False)
        except CredentialError as problem:
            return build_unreadable_row(row.name, wanted.stage, problem)

    def versions(self, name: str) -> List[VersionInfo]:
        found = self._ready().reading.history(check_name(name))
        if not found:
            raise absent(name)
        return [VersionInfo(str(row.version), row.written_at, position == 0) for position, row in enumerate(found)]

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self._ready().reading.last_serial(check_name(name), stage)

    def read_store_document(self) -> Optional[bytes]:
        if not self._is_ready:
            return self._check_tables().document
        row = self._open().reading.item(DOCUMENT)
        return None if row is None else bytes(row.content)

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._ready().writing.document(content, replaces)

    def ensure_schema(self, *, check: bool = False) -> SchemaMigration:
        migration = self._open().schema.ensure(check=check)
        self._is_ready = self._is_ready and check
        return migration

    def append_audit(self, entries: Iterable[Mapping[str, Any]]) -> None:
        audit_rows.append(self._connections, self._ready().tables, entries)

    def purge_audit(self, before: datetime, *, check: bool = False) -> int:
        return audit_rows.purge(self._connections, self._ready().tables, before, check)

    def read_audit(self, page: AuditPage) -> List[Dict[str, Any]]:
        return audit_rows.read(self._connections, self._ready().tables, page)

    def location(self) -> str:
        return "{0} {1}".format(self._connections.kind.address.location, self._prefix)

    def locate(self, name: str) -> Dict[str, str]:
        address = replace(self._connections.kind.address, username=None, password=None)
        return {"database": address.redact, "table": self._prefix + "credentials", "name": check_name(name)}

    def health(self) -> Health:
        try:
            self._open().schema.see_to(self._migration)
        except CredentialError as problem:
            return unhealthy(problem)
        return Health()
