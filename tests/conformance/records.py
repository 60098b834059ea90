# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records to store, and what is compared of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Fields, Metadata, Record, Transition
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=timezone.utc)

METADATA = Metadata(
    created_at=NOON,
    updated_at=NOON + timedelta(microseconds=1),
    expires_at=NOON + timedelta(days=90),
    description="Zugang für »db«\nline two",
    tags={"env": "prod", "empty": ""},
    scope=Scope("default", workflow="deploy", user=None, tags={"team": "a"}),
    lifecycle="active",
    history=(Transition("put", "active", "active", NOON),),
    policy={"kind": "periodic", "days": 30, "notify": ["a", "b"], "nested": {"on": True, "off": None}},
    attributes={"idempotency_key": "k-1", "attempts": 0},
)


def a_record(name: str = "db_pass", value: Union[str, bytes] = "s3cret", **changes: Any) -> Record:
    """A record of type `basic` with one value."""
    record = Record(name, "basic", {"username": Secret("app"), "password": Secret(value)}, {"token": Secret(b"\x00\xff")}, METADATA)
    return replace(record, **changes)


def put_state(backend: Backend, name: str, state: Fields, expected: Optional[Etag]) -> Record:
    """Store a new version whose state is another and whose fields and metadata stay, as a refresh does."""
    found = backend.get(name)
    return backend.put(replace(found, state=state, serial=None, record_id=None), expected)


def value_of(record: Record, field: str = "password") -> bytes:
    """A field, exposed."""
    return record.fields[field].expose()


def exposed(record: Record) -> Tuple[Dict[str, bytes], Dict[str, bytes]]:
    """Fields and state, exposed."""
    return {key: value.expose() for key, value in record.fields.items()}, {key: value.expose() for key, value in record.state.items()}
