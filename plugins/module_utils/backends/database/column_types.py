# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types of columns on every database, and the SQL for the current time on each. Needs SQLAlchemy."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Dict, Optional

_KEEPS_ZONES = ("postgresql", "cockroachdb")
_MYSQL = ("mysql", "mariadb")


@lru_cache(maxsize=None)
def column_types() -> Dict[str, Any]:
    """Return the types by what they hold. Names are compared byte by byte everywhere: `DB_PASS` and `db_pass` differ."""
    from sqlalchemy import JSON, BigInteger, LargeBinary, String, Uuid
    from sqlalchemy.dialects import mysql, postgresql

    def exactly(length: int) -> Any:
        ascii_only = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
        return String(length).with_variant(ascii_only, *_MYSQL).with_variant(String(length, collation="C"), "postgresql")

    return {
        "name": exactly(120),
        "word": exactly(50),
        "text": String(255),
        "number": BigInteger(),
        "id": Uuid(native_uuid=False).with_variant(Uuid(), *_KEEPS_ZONES),
        "json": JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), *_KEEPS_ZONES),
        "bytes": LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL),
        "time": _moment_type(),
    }


def _moment_type() -> Any:
    from sqlalchemy import DateTime
    from sqlalchemy.dialects import mysql
    from sqlalchemy.types import TypeDecorator

    class Moment(TypeDecorator[datetime]):
        """An aware datetime in UTC, to the microsecond. Databases that store no time zone store the UTC time."""

        impl = DateTime
        cache_ok = True

        def load_dialect_impl(self, dialect: Any) -> Any:
            if dialect.name in _MYSQL:
                return dialect.type_descriptor(mysql.DATETIME(fsp=6))
            return dialect.type_descriptor(DateTime(timezone=dialect.name in _KEEPS_ZONES))

        def process_bind_param(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
            if value is None:
                return None
            moment = value.astimezone(timezone.utc)
            return moment if dialect.name in _KEEPS_ZONES else moment.replace(tzinfo=None)

        def process_result_value(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
            if value is None:
                return None
            return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)

    return Moment()


@lru_cache(maxsize=None)
def present_moment() -> Any:
    """Return the default of a time in rows that are written by hand."""
    from sqlalchemy.ext.compiler import compiles
    from sqlalchemy.sql.functions import FunctionElement

    class Now(FunctionElement[datetime]):
        """The current time, in UTC."""

        inherit_cache = True

    @compiles(Now)
    def _standard(_element: Any, _compiler: Any, **_options: Any) -> str:
        return "CURRENT_TIMESTAMP"

    @compiles(Now, "sqlite")
    def _in_sqlite(_element: Any, _compiler: Any, **_options: Any) -> str:
        return "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    @compiles(Now, "mysql")
    @compiles(Now, "mariadb")
    def _in_mysql(_element: Any, _compiler: Any, **_options: Any) -> str:
        return "(UTC_TIMESTAMP(6))"

    return Now()
