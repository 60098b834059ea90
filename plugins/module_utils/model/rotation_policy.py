# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation policies (D2): when to rotate a credential, how long before that to warn, how long to keep both values.

A policy is data: `RotationPolicy.read` reads what a user wrote or what `Metadata.policy` holds, `write` returns the latter.
Nothing here runs by itself; a play, a cron job or AWX checks whether a rotation is due.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

MANUAL = "manual"
PERIODIC = "periodic"
BEFORE_EXPIRY = "before_expiry"
SCHEDULED = "scheduled"
KINDS = (MANUAL, PERIODIC, BEFORE_EXPIRY, SCHEDULED)

SKEW = timedelta(seconds=120)
"""The largest expected difference between two clocks (ROTATION)."""

MAX_DURATION = timedelta(days=36500)
_FIRST = datetime(1, 1, 1, tzinfo=timezone.utc)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(?:[0-9]{1,12}[smhdw])+\Z")
_PART = re.compile(r"([0-9]+)([smhdw])")
_DURATION_REMEDY = "Write seconds (3600) or numbers with units: 90d, 12h, 1h30m (s, m, h, d, w)."
_NEEDED = {PERIODIC: "every", BEFORE_EXPIRY: "before", SCHEDULED: "at"}


def duration(value: object, option: str) -> timedelta:
    """Read seconds (int, or text of digits) or text such as `90d` or `1h30m`.

    Raises:
        InvalidInput: it is neither, is negative, or is longer than a hundred years. The error names `option`.
    """
    seconds = _seconds(value)
    if seconds is None:
        raise InvalidInput(f"{value!a} is not a duration", option=option, remedy=_DURATION_REMEDY)
    if seconds > MAX_DURATION.total_seconds():
        raise InvalidInput(f"{value!a} is longer than a hundred years", option=option, remedy=_DURATION_REMEDY)
    return timedelta(seconds=seconds)


def lifetime(value: object, option: str) -> timedelta:
    """Read how long a value lives, as `duration` does.

    Raises:
        InvalidInput: as `duration`, or it is 0.
    """
    read = duration(value, option)
    if not read:
        raise InvalidInput("a value that lives 0 seconds has expired when it is stored", option=option, remedy=_DURATION_REMEDY)
    return read


def _seconds(value: object) -> Optional[int]:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    text = value.strip()
    if re.match(r"[0-9]{1,12}\Z", text):
        return int(text)
    if not _DURATION.match(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def moment(value: object, option: str) -> datetime:
    """Read a time: an aware datetime, or ISO 8601 text with an offset or `Z`. Return it in UTC.

    Raises:
        InvalidInput: it is not a time, or has no offset. The error names `option`.
    """
    remedy = "Write ISO 8601 with an offset: 2027-01-31T02:00:00Z."
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(re.sub("[Zz]$", "+00:00", str(value).strip()))
    except ValueError:
        raise InvalidInput(f"{value!a} is not a time", option=option, remedy=remedy) from None
    if time.tzinfo is None:
        raise InvalidInput(f"{str(value)!a} has no time zone", option=option, remedy=remedy)
    try:
        return time.astimezone(timezone.utc)
    except OverflowError:
        raise InvalidInput(f"{str(value)!a} is before the year 1 or after the year 9999 in UTC", option=option, remedy=remedy) from None


@dataclass(frozen=True)
class RotationPolicy:
    """When to rotate. Each kind needs exactly its own option: every (periodic), before (before_expiry), at (scheduled).

    Attributes:
        kind: manual, periodic, before_expiry or scheduled.
        every: age at which the current value is replaced.
        before: time before the expiry at which the value is replaced.
        at: the single time at which the value is replaced.
        warning: time before the rotation in which it is announced. Default 0.
        grace: time after a promotion in which the old value stays stored (and, if the target supports it, valid). Default 0.
    """

    kind: str = MANUAL
    every: Optional[timedelta] = None
    before: Optional[timedelta] = None
    at: Optional[datetime] = None
    warning: timedelta = timedelta(0)
    grace: timedelta = timedelta(0)

    @classmethod
    def read(cls, policy: Mapping[str, Any], option: str = "policy") -> RotationPolicy:
        """Read `{kind, every | before | at, warning, grace}`; an empty mapping is a manual policy.

        Raises:
            InvalidInput: an unknown key or kind, a missing or superfluous part, a bad duration. The error names `option.key`.
        """
        _refuse_unknown(policy, option)
        kind = policy.get("kind", MANUAL)
        if kind not in KINDS:
            raise InvalidInput(
                f"{kind!a} is not a kind of rotation policy",
                option=option + ".kind",
                remedy="Write one of {0}.".format(", ".join(KINDS)),
            )
        _refuse_other_parts(policy, kind, option)
        parts: Dict[str, Any] = {
            key: duration(policy[key], f"{option}.{key}") for key in ("every", "before", "warning", "grace") if policy.get(key) is not None
        }
        if policy.get("at") is not None:
            parts["at"] = moment(policy["at"], option + ".at")
        if parts.get("every") == timedelta(0):
            raise InvalidInput("a period of 0 would rotate always", option=option + ".every", remedy=_DURATION_REMEDY)
        return cls(kind=kind, **parts)

    @classmethod
    def read_wanted(cls, policy: Mapping[str, Any], option: str = "policy") -> RotationPolicy:
        """Read a policy that is to be stored. What is stored already keeps its effect, so `read` does not check the warning.

        Raises:
            InvalidInput: as `read`, or the warning is longer than the period.
        """
        read = cls.read({key: part for key, part in policy.items() if part is not None}, option)
        if read.every is not None and read.warning > read.every:
            what = "the warning is longer than the period, so it would begin before the value is stored"
            raise InvalidInput(what, option=option + ".warning", remedy="Make it shorter than '{0}.every'.".format(option))
        return read

    def write(self) -> Dict[str, Any]:
        """Return the policy as JSON-like data: durations in whole seconds, times as ISO 8601. Unset parts are left out."""
        written: Dict[str, Any] = {"kind": self.kind}
        for key in ("every", "before", "warning", "grace"):
            value = getattr(self, key)
            if value:
                written[key] = int(value.total_seconds())
        if self.before is not None:
            written["before"] = int(self.before.total_seconds())
        if self.at is not None:
            written["at"] = self.at.isoformat()
        return written

    def next_rotation(self, since: datetime, expires_at: Optional[datetime] = None) -> Optional[datetime]:
        """Return when to replace a value that is in use since `since`; None if the policy names no time for it.

        A scheduled time applies once: a value that was written at or after it counts as rotated.
        """
        if self.every is not None:
            return shift_time(since, self.every)
        if self.before is not None:
            return shift_time(expires_at, -self.before) if expires_at is not None else None
        return self.at if self.at is not None and since < self.at else None


def shift_time(time: datetime, by: timedelta) -> datetime:
    """Return a time plus a duration; the first or last time there is if the sum is beyond it."""
    try:
        return time + by
    except OverflowError:
        return _FIRST if by < timedelta(0) else _LAST


def _refuse_unknown(policy: Mapping[str, Any], option: str) -> None:
    known = ("kind", "every", "before", "at", "warning", "grace")
    for key in policy:
        if key not in known:
            raise InvalidInput(f"a rotation policy has no {key!a}", option=option, remedy="It has: {0}.".format(", ".join(known)))


def _refuse_other_parts(policy: Mapping[str, Any], kind: str, option: str) -> None:
    needed = _NEEDED.get(kind)
    if needed and policy.get(needed) is None:
        raise InvalidInput(f"a {kind} policy needs '{needed}'", option=f"{option}.{needed}", remedy=_DURATION_REMEDY)
    for key in _NEEDED.values():
        if key != needed and policy.get(key) is not None:
            raise InvalidInput(
                f"a {kind} policy takes no '{key}'",
                option=f"{option}.{key}",
                remedy="Leave it out, or write another 'kind' ({0}).".format(", ".join(KINDS)),
            )


def check_grace(grace: timedelta, consumer_ttl: timedelta, serve_stale: timedelta, option: str = "grace") -> None:
    """Refuse a grace period after which a consumer could still hold the retired value.

    Raises:
        InvalidInput: grace is shorter than the longest consumer TTL + serve_stale + 120 s of skew.
    """
    needed = consumer_ttl + serve_stale + SKEW
    if grace < needed:
        raise InvalidInput(
            "a grace period of {0:.0f} s ends while consumers may hold the old value".format(grace.total_seconds()),
            option=option,
            remedy="Make it {0:.0f} s or more: the longest consumer TTL + serve_stale + {1:.0f} s between clocks.".format(
                needed.total_seconds(), SKEW.total_seconds()
            ),
        )
