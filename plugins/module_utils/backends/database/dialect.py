# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The differences between the databases, one class each: `sqlite`, `postgresql`, `mysql`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import FAILED, LOST, ErrorMapping
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.login import Login
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import SQLALCHEMY
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import Transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import Address
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Limits(NamedTuple):
    """Time limits in seconds: for a statement on the server, and for a new connection."""

    statement: float
    connect: float


class Dialect(ABC):
    """One kind of database: its connections, time limits and SQL, and the meanings of its errors."""

    driver = ""
    """SQLAlchemy's name of dialect and driver."""
    packages: Tuple[Package, ...] = (SQLALCHEMY,)
    """The packages to install."""
    tells_missing_tables = True
    """Whether a missing table has an error code of its own; if not, its existence is checked before it is read."""
    parallel = True
    """Whether several statements at once are done sooner than one after the other."""
    reads_server_settings = True
    """Whether SQLAlchemy asks each server for its version and settings before the first statement, and not only when tables are made."""

    writes_in_ctes = False
    """Whether a statement can hold others that write (`WITH … AS (DELETE …)`)."""
    returns_updated = False
    """Whether an UPDATE can return columns of its rows."""

    def __init__(self, address: Address, login: Login, transport: Transport, limits: Limits, warn: Any) -> None:
        """Take the parts. Opens nothing."""
        self.address = address
        self.login = login
        self.transport = transport
        self.limits = limits
        self.warn = warn

    @property
    def begin(self) -> str:
        """The statement that begins a transaction that writes."""
        return "BEGIN"

    @abstractmethod
    def connect(self) -> Any:
        """Return a new DBAPI connection that commits each statement by itself. Limited by the time left for the current operation.

        Raises:
            CredentialError: the connection failed; the class says why.
        """

    def limit_wait(self, connection: Any) -> None:
        """Limit every call on `connection` to the time left for the current operation."""

    @abstractmethod
    def insert_greatest(self, table: Any, column: str) -> Any:
        """Return an INSERT into `table`, without its rows, that leaves the greater `column` where the key exists already."""

    def build_tag_index(self, _tables: Tables) -> List[str]:
        """Return the statements that make an index of tags. The default has none. Each can be run again."""
        return []

    def select_tagged(self, _tables: Tables, _stage: str, _tag: str, _value: Optional[str]) -> Any:
        """Return the condition that a row of the stage may have a tag with this value (None: any); None if there is no such condition.

        It may hold for other rows too.
        """
        return None

    def write_tags(self, _connection: Any, _tables: Tables, _record: Record) -> None:
        """Enter the tags of a record into the index, in the transaction that has stored the record. The default has none to enter."""

    @abstractmethod
    def code(self, error: Any) -> str:
        """Return the database's own code of a DBAPI error; empty if it has none."""

    @abstractmethod
    def find_meaning(self, code: str) -> Optional[ErrorMapping]:
        """Return the meaning of that code, or None if it is not known."""

    def meaning(self, error: Any, *, disconnected: bool = False) -> ErrorMapping:
        """Return the meaning of a DBAPI error."""
        found = self.find_meaning(self.code(error))
        if found is not None:
            return found
        return LOST if disconnected else FAILED

    def grant(self, privilege: str, table: str) -> str:
        """Return the statement that grants the login a privilege on a table."""
        return 'GRANT {0} ON {1} TO "{2}";'.format(privilege, table, self.address.username or "…")

    def lock(self, connection: Any, name: str) -> None:
        """Let one process at a time change the schema, until the transaction ends or `unlock` is called."""

    def unlock(self, connection: Any, name: str) -> None:
        """Undo `lock` on databases whose commit does not."""

    def sql_dialect(self) -> Any:
        """Return SQLAlchemy's dialect, which compiles SQL. Opens nothing.

        Raises:
            MissingLibrary: it is not installed.
        """
        try:
            from sqlalchemy.engine import make_url
            from sqlalchemy.exc import NoSuchModuleError
        except ImportError:
            raise self.missing() from None
        try:
            return make_url("{0}://".format(self.driver)).get_dialect()()
        except NoSuchModuleError:
            raise self.missing() from None

    def missing(self) -> MissingLibrary:
        """Return the error for a package that is not installed."""
        return MissingLibrary(
            "a Python package for {0} is missing".format(self.address.dialect),
            option="url",
            remedy="Run: {0}".format(pip_install(*self.packages)),
        )
