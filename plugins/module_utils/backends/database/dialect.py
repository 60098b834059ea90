# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs from one database to the next, as a class each: `sqlite`, `postgresql`, `mysql`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import FAILED, LOST, Meaning
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.login import Login
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import SQLALCHEMY
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import Transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import Address
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary


class Limits(NamedTuple):
    """Seconds: of a statement in the server at most, and of a new connection."""

    statement: float
    connect: float


class Kind(ABC):
    """One kind of database: how it is connected to, bounded in time, written to, and what its errors mean."""

    driver = ""
    """SQLAlchemy's name of dialect and driver."""
    packages: Tuple[Package, ...] = (SQLALCHEMY,)
    """What has to be installed."""
    tells_missing_tables = True
    """Whether a missing table has a code of its own; else it is looked for before it is read."""
    begin = "BEGIN"
    """Begins a transaction that writes."""

    def __init__(self, address: Address, login: Login, transport: Transport, limits: Limits, warn: Any) -> None:
        """Opens nothing."""
        self.address = address
        self.login = login
        self.transport = transport
        self.limits = limits
        self.warn = warn

    @abstractmethod
    def connect(self) -> Any:
        """A new DBAPI connection that commits each statement by itself, within what the operation under way has left.

        Raises:
            CredentialError: of the class that says why.
        """

    def bound(self, connection: Any) -> None:
        """See that no call on `connection` waits longer than the operation under way has left."""

    @abstractmethod
    def code(self, error: Any) -> str:
        """The database's own code of a DBAPI error; empty where it has none."""

    @abstractmethod
    def known(self, code: str) -> Optional[Meaning]:
        """What that code means."""

    def meaning(self, error: Any, *, disconnected: bool = False) -> Meaning:
        """What a DBAPI error means."""
        found = self.known(self.code(error))
        if found is not None:
            return found
        return LOST if disconnected else FAILED

    def grant(self, privilege: str, table: str) -> str:
        """The statement that gives the login a privilege on a table."""
        return 'GRANT {0} ON {1} TO "{2}";'.format(privilege, table, self.address.username or "…")

    def lock(self, connection: Any, name: str) -> None:
        """Let one process at a time change the schema; until the transaction ends, or `unlock`."""

    def unlock(self, connection: Any, name: str) -> None:
        """The end of `lock`, where a commit is not."""

    def sql_dialect(self) -> Any:
        """SQLAlchemy's dialect, to write SQL with. Opens nothing.

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
        """The error for a package that is not installed."""
        return MissingLibrary(
            "a Python package for {0} is missing".format(self.address.dialect),
            option="url",
            remedy="Run: {0}".format(pip_install(*self.packages)),
        )
