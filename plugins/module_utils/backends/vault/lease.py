# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One dynamic secret: the response of a leased path, its remaining time, and its record (J8)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE, Fields, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

MARGIN = 3600.0
"""Renew a lease when less than this many seconds, or less than a third of it, is left, whichever is smaller."""
_LONGEST = 36500 * 86400.0
"""Seconds. A longer lease is a mistake."""
_LATEST = 1e12
"""Seconds from 1970, or from now. No date is that far away."""
_LOGIN = {"username", "password"}
_ENDS = ("expiration", "expires_at_seconds", "expire_time")
"""Where results without a lease say when they end: certificates, tokens of clouds, codes."""
_LEFT = ("ttl",)
"""Where they say how many seconds are left: passwords that the server changes at set times."""


@dataclass(frozen=True)
class Lease:
    """A lease. Seconds are those of a monotonic clock, so that a change of the wall clock neither ends nor prolongs it.

    Attributes:
        name: the credential, which is the role.
        lease_id: the server's id, empty if the engine keeps no lease (`pki/issue`). Never shown.
        fields: the values of the response.
        began: the time of the request, in seconds of the clock; `created_at` is the same in UTC.
        ends: when it ends, in seconds of the clock; None if unknown.
        span: the seconds that it was granted or prolonged for; 0 if unknown.
        renewable: whether the server allows its renewal.
        updated_at: when it was requested or last renewed.
        expires_at: when it ends, UTC.
    """

    name: str
    lease_id: str = field(repr=False)
    fields: Fields
    began: float
    ends: Optional[float]
    span: float
    renewable: bool
    created_at: datetime
    updated_at: datetime
    expires_at: Optional[datetime]

    def seconds_left(self, now: float) -> float:
        """Return the seconds until it ends."""
        return float("inf") if self.ends is None else self.ends - now

    def due_in(self, now: float) -> float:
        """Return the seconds until it should be renewed or replaced; 0 or less if that is due."""
        return self.seconds_left(now) - self.margin

    @property
    def margin(self) -> float:
        """How many seconds before its end it should be renewed."""
        return min(self.span / 3, MARGIN)

    def prolong(self, answer: Mapping[str, Any], now: float) -> Lease:
        """Return the lease as the server prolonged it."""
        time, seconds = _utc_now(), _read_seconds(answer.get("lease_duration"))
        return replace(
            self,
            ends=now + seconds,
            span=seconds,
            renewable=bool(answer.get("renewable")),
            updated_at=time,
            expires_at=time + timedelta(seconds=seconds),
        )

    @property
    def version(self) -> str:
        """16 hex digits that stay the same as long as the value: a hash of the lease's id, or of its time without one. Not secret."""
        told = self.lease_id or self.created_at.isoformat()
        return sha256("{0} {1}".format(self.name, told).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def record(self, tenant: str) -> Record:
        """Return the lease as a record: `basic` if it is a user name and a password, else `opaque`."""
        kind = "basic" if set(self.fields) == _LOGIN else OPAQUE
        known = Metadata(
            created_at=self.created_at,
            updated_at=self.updated_at,
            expires_at=self.expires_at,
            scope=Scope(tenant=tenant),
            attributes={"lease": {"ttl": int(self.span), "renewable": self.renewable}},
        )
        own = {name: Secret(value.expose()) for name, value in self.fields.items()}
        return Record(self.name, kind, own, metadata=known, version=self.version)


def read_lease(name: str, answer: Mapping[str, Any], now: float) -> Lease:
    """Return the lease in the response of a leased path.

    Args:
        name: the credential.
        answer: the parsed body: `lease_id`, `lease_duration` (seconds), `renewable`, `data`.
        now: seconds of the clock at the time of the request: never later than the server's start.

    Raises:
        StorageError: it is not a lease.
    """
    time, data = _utc_now(), answer.get("data") or {}
    if not isinstance(data, Mapping):
        raise _invalid_error("data")
    seconds, lease_id = read_life(answer, time), str(answer.get("lease_id") or "")
    return Lease(
        name=name,
        lease_id=lease_id,
        fields={str(key): _secret(value) for key, value in data.items() if value is not None},
        began=now,
        # What has no lease, and does not say when it ends, may have ended already: it is used once.
        ends=None if lease_id and not seconds else now + seconds,
        span=seconds,
        renewable=bool(answer.get("renewable")),
        created_at=time,
        updated_at=time,
        expires_at=time + timedelta(seconds=seconds) if seconds else None,
    )


def read_life(answer: Mapping[str, Any], time: datetime) -> float:
    """Return for how many seconds a response is good, counted from `time`: by its lease, else by what it says itself; 0 if neither does.

    Raises:
        StorageError: the length of its lease is invalid.
    """
    data = answer.get("data")
    leased = _read_seconds(answer.get("lease_duration"))
    if leased or not isinstance(data, Mapping):
        return leased
    ends = [_read_time(data.get(key)) for key in _ENDS]
    left = [end - time.timestamp() for end in ends if end is not None] + [
        _read_number(data[key]) for key in _LEFT if data.get(key).__class__ is int
    ]
    return max(1.0, min(*left, _LONGEST)) if left else 0.0


def _read_time(value: Any) -> Optional[float]:
    """Return a time of a response in seconds since 1970: such a number, or RFC 3339 in UTC. None if it is neither."""
    if value.__class__ is int:
        return _read_number(value)
    try:
        return datetime.strptime(str(value)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def _read_number(value: int) -> float:
    # JSON has numbers that no float holds.
    return float(max(-_LATEST, min(value, _LATEST)))


def _read_seconds(value: Any) -> float:
    """Return how long a lease lasts, in seconds; 0 for null.

    Raises:
        StorageError: it is not a number of seconds, or is longer than a hundred years.
    """
    if value is None:
        return 0.0
    if value.__class__ not in (int, float) or not 0 <= value <= _LONGEST:
        raise _invalid_error("lease_duration")
    return float(value)


def _invalid_error(part: str) -> StorageError:
    what = "the server's response has an invalid {0}".format(part)
    return StorageError(what, remedy="Check that 'url' leads to a Vault or OpenBao.")


def _secret(value: Any) -> Secret:
    """Return text unchanged; numbers, lists and mappings as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return Secret(text.encode("utf-8", "surrogatepass"))


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
