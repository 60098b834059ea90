# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata of an envelope in the fixed binary layout (docs/advanced/envelope.md). It is authenticated, so it has exactly one encoding.

In order: created_at, updated_at (i64, microseconds since 1970-01-01 UTC), expires_at (value: none or integer), description and lifecycle
(strings), tags (mapping of strings), history (list of [event, origin, target, at]), policy and attributes (mappings). The scope
is not repeated here: it is in the envelope's header.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import I64, Malformed, Reader, write_text, write_value
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Transition
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
_PARTS_OF_TRANSITION = 4


def to_microseconds(moment: datetime) -> int:
    """Return the exact number of microseconds since the epoch.

    Raises:
        InvalidInput: the time has no time zone.
    """
    if moment.tzinfo is None:
        raise InvalidInput("a time without a time zone means nothing", remedy="Give times in UTC.")
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=64)  # the times of one record are often the same
def from_microseconds(count: int) -> datetime:
    """Return the time that many microseconds after the epoch, in UTC.

    Raises:
        Malformed: there is no such time.
    """
    try:
        return EPOCH + timedelta(microseconds=count)
    except OverflowError:
        raise Malformed("a time is out of range") from None


def write_metadata(metadata: Metadata) -> bytes:
    """Return the encoding of metadata.

    Raises:
        InvalidInput: it holds something that the layout cannot (for example a float).
    """
    history = [[step.event, step.origin, step.target, to_microseconds(step.at)] for step in metadata.history]
    return b"".join(
        (
            I64.pack(to_microseconds(metadata.created_at)),
            I64.pack(to_microseconds(metadata.updated_at)),
            write_value(None if metadata.expires_at is None else to_microseconds(metadata.expires_at)),
            write_text(metadata.description),
            write_text(metadata.lifecycle),
            write_value(_strings(metadata.tags)),
            write_value(history),
            write_value(dict(metadata.policy)),
            write_value(dict(metadata.attributes)),
        )
    )


def read_metadata(data: bytes, scope: Scope) -> Metadata:
    """Read what `write_metadata` wrote, and add the scope.

    Raises:
        Malformed: the bytes do not follow the layout.
    """
    reader = Reader(data)
    created_at = from_microseconds(reader.i64())
    updated_at = from_microseconds(reader.i64())
    expires_at = _expiry(reader.value())
    description = reader.text()
    lifecycle = reader.text()
    tags = check_tags(reader.mapping())
    history = tuple(_read_transition(reader) for _each in range(reader.count()))
    policy = reader.mapping()
    attributes = reader.mapping()
    reader.end()
    return Metadata(created_at, updated_at, expires_at, description, tags, scope, lifecycle, history, policy, attributes)


def _expiry(value: Any) -> Optional[datetime]:
    if value is None:
        return None
    if value.__class__ is not int:
        raise Malformed("an expiry is a number")
    return from_microseconds(value)


def _read_transition(reader: Reader) -> Transition:
    if reader.count() != _PARTS_OF_TRANSITION:
        raise Malformed("a step of the history has four parts")
    return Transition(reader.text(), reader.text(), reader.text(), from_microseconds(reader.integer()))


def check_tags(tags: Any) -> Any:
    """Return a mapping whose values are all text.

    Raises:
        Malformed: one is not.
    """
    for value in tags.values():
        if value.__class__ is not str:
            raise Malformed("a tag is text")
    return tags


def _strings(tags: Any) -> Any:
    for key, value in tags.items():
        if not isinstance(value, str):
            raise InvalidInput("the value of the tag '{0}' is not text".format(key), option="tags")
    return dict(tags)


def write_scope(scope: Scope) -> bytes:
    """Return the encoding of a scope without its tenant: workflow, user, tags."""
    return write_text(scope.workflow) + write_text(scope.user) + write_value(_strings(scope.tags))


def read_scope(reader: Reader, tenant: str) -> Scope:
    """Read what `write_scope` wrote.

    Raises:
        Malformed: the bytes do not follow the layout.
    """
    return Scope(tenant, reader.optional_text(), reader.optional_text(), check_tags(reader.mapping()))
