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
from typing import Any, Dict, Mapping, Optional, Tuple

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
BLUE_GREEN, REPLACE = "blue_green", "replace"
STRATEGIES = (BLUE_GREEN, REPLACE)

_NEEDED = {PERIODIC: ("every",), BEFORE_EXPIRY: ("before",), SCHEDULED: ("at", "cron")}
"""The parts of which each kind has exactly one."""
_OTHERS = {
    MANUAL: ("kind", "warning", "grace", "max_grace", "strategy", "validate_rotated"),
    PERIODIC: ("kind", "warning", "grace", "max_grace", "strategy", "validate_rotated", "jitter", "windows", "zone", "offset"),
    BEFORE_EXPIRY: ("kind", "warning", "grace", "max_grace", "strategy", "validate_rotated", "jitter", "windows", "zone"),
    SCHEDULED: ("kind", "warning", "grace", "max_grace", "strategy", "validate_rotated", "jitter", "windows", "zone", "offset"),
}
"""The other parts that mean something with each kind."""
PARTS = (
    "kind",
    "every",
    "before",
    "at",
    "cron",
    "zone",
    "warning",
    "grace",
    "max_grace",
    "strategy",
    "validate_rotated",
    "jitter",
    "offset",
    "windows",
)
_DURATIONS = ("every", "before", "warning", "grace", "max_grace", "jitter", "offset")


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
    """When to rotate. Each kind needs exactly its own option: every (periodic), before (before_expiry), at or cron (scheduled).

    Attributes:
        kind: manual, periodic, before_expiry or scheduled.
        every: age at which the current value is replaced.
        before: time before the expiry at which the value is replaced.
        at: the single time at which the value is replaced.
        cron: the times at which the value is replaced, as five fields of cron in `zone`.
        zone: the time zone of `cron` and `windows`. Default UTC.
        strategy: `blue_green` needs a target that accepts the old and the new value at once; `replace` or None does not.
        validate_rotated: whether the previous value is tried at the target in the grace period, and the result reported.
        jitter: the greatest time by which a rotation is moved, drawn for each value, so that not all are due at once. Default 0.
        offset: time by which the first rotation of a periodic policy, or each one of a scheduled policy, is moved: credentials of one
            service with the same policy are then not due at once. Default 0.
        windows: when rotations may begin; empty for always. Each is `{days, from, until}`.
        warning: time before the rotation in which it is announced. Default 0.
        grace: time after a promotion in which the old value stays stored (and, if the target supports it, valid). Default 0.
        max_grace: time after which it goes although a file of a host holds it, as `deploy` has recorded. Default: no host is waited for.
    """

    kind: str = MANUAL
    every: Optional[timedelta] = None
    before: Optional[timedelta] = None
    at: Optional[datetime] = None
    warning: timedelta = timedelta(0)
    grace: timedelta = timedelta(0)
    max_grace: timedelta = timedelta(0)
    cron: Optional[str] = None
    zone: Optional[str] = None
    strategy: Optional[str] = None
    jitter: timedelta = timedelta(0)
    offset: timedelta = timedelta(0)
    windows: Tuple[Mapping[str, Any], ...] = ()
    validate_rotated: bool = False

    @classmethod
    def read(cls, policy: Mapping[str, Any], option: str = "policy") -> RotationPolicy:
        """Read `{kind, every | before | at | cron, …}` (`PARTS`); an empty mapping is a manual policy.

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
        parts: Dict[str, Any] = {key: duration(policy[key], f"{option}.{key}") for key in _DURATIONS if policy.get(key) is not None}
        if policy.get("at") is not None:
            parts["at"] = moment(policy["at"], option + ".at")
        parts.update(_read_calendar(policy, option))
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
        if read.max_grace:
            check_max_grace(read.grace, read.max_grace, option + ".max_grace")
        if read.every is not None and read.jitter >= read.every:
            what = "a jitter as long as the period could skip a rotation"
            raise InvalidInput(what, option=option + ".jitter", remedy="Make it shorter than '{0}.every'.".format(option))
        return read

    def write(self) -> Dict[str, Any]:
        """Return the policy as JSON-like data: durations in whole seconds, times as ISO 8601. Unset parts are left out."""
        written: Dict[str, Any] = {"kind": self.kind}
        for key in _DURATIONS:
            value = getattr(self, key)
            if value:
                written[key] = int(value.total_seconds())
        for key in ("cron", "zone", "strategy"):
            if getattr(self, key) is not None:
                written[key] = getattr(self, key)
        if self.validate_rotated:
            written["validate_rotated"] = True
        if self.windows:
            written["windows"] = [dict(window) for window in self.windows]
        if self.before is not None:
            written["before"] = int(self.before.total_seconds())
        if self.at is not None:
            written["at"] = self.at.isoformat()
        return written

    def next_rotation(
        self, since: datetime, expires_at: Optional[datetime] = None, name: str = "", *, is_first: bool = True
    ) -> Optional[datetime]:
        """Return when to replace a value that is in use since `since`; None if the policy names no time for it.

        A scheduled time applies once: a value that was written at or after it counts as rotated. The time is in a window.

        Args:
            since: since when the value is in use. The next time counts from there.
            expires_at: when the value expires.
            name: the credential's, from which its jitter is drawn.
            is_first: the value was never rotated.

        Raises:
            MissingLibrary: the policy has a cron line, and cronsim is not installed.
        """
        time = self._find_time(since, expires_at, is_first)
        if time is not None and self.jitter:
            from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_times import draw_jitter

            time = shift_time(time, draw_jitter(self.jitter, name, since))
        return time if time is None else self._find_opening(time)

    def is_open(self, at: datetime) -> bool:
        """Whether a rotation may begin at that time."""
        return self._find_opening(at) == at

    def _find_time(self, since: datetime, expires_at: Optional[datetime], is_first: bool) -> Optional[datetime]:
        if self.every is not None:
            return shift_time(since, self.every + (self.offset if is_first else timedelta(0)))
        if self.before is not None:
            return shift_time(expires_at, -self.before) if expires_at is not None else None
        found = self.at if self.at is not None and since < shift_time(self.at, self.offset) else None
        if self.cron is not None:
            from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_times import find_cron_time, read_zone

            found = find_cron_time(self.cron, read_zone(self.zone or "UTC", "policy.zone"), shift_time(since, -self.offset))
        return found if found is None else shift_time(found, self.offset)

    def _find_opening(self, at: datetime) -> datetime:
        if not self.windows:
            return at
        from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_times import find_opening, read_zone

        return find_opening(self.windows, read_zone(self.zone or "UTC", "policy.zone"), at)


def shift_time(time: datetime, by: timedelta) -> datetime:
    """Return a time plus a duration; the first or last time there is if the sum is beyond it."""
    try:
        return time + by
    except OverflowError:
        return _FIRST if by < timedelta(0) else _LAST


def _read_calendar(policy: Mapping[str, Any], option: str) -> Dict[str, Any]:
    """Return the parts that are no durations and no time."""
    parts: Dict[str, Any] = {}
    if policy.get("strategy") is not None:
        if policy["strategy"] not in STRATEGIES:
            remedy = "Write one of {0}.".format(", ".join(STRATEGIES))
            raise InvalidInput(f"{policy['strategy']!a} is not a strategy", option=option + ".strategy", remedy=remedy)
        parts["strategy"] = policy["strategy"]
    if policy.get("validate_rotated") is not None:
        if not isinstance(policy["validate_rotated"], bool):
            what = f"{policy['validate_rotated']!a} is neither true nor false"
            raise InvalidInput(what, option=option + ".validate_rotated", remedy="Write true or false.")
        parts["validate_rotated"] = policy["validate_rotated"]
    if any(policy.get(key) is not None for key in ("cron", "zone", "windows")):
        from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_times import check_windows, find_cron_time, read_zone

        if policy.get("cron") is None and policy.get("windows") is None:
            raise InvalidInput(
                "no part of the policy uses it", option=option + ".zone", remedy="Leave it out, or write 'cron' or 'windows'."
            )
        zone = read_zone(policy.get("zone") or "UTC", option + ".zone")
        parts["zone"] = policy.get("zone")
        if policy.get("windows") is not None:
            parts["windows"] = check_windows(policy["windows"], option + ".windows")
        if policy.get("cron") is not None:
            parts["cron"] = str(policy["cron"])
            if find_cron_time(parts["cron"], zone, datetime(2024, 1, 1, tzinfo=timezone.utc), option + ".cron") is None:
                raise InvalidInput("there is no such time", option=option + ".cron", remedy="Write a day that exists.")
    return parts


def _refuse_unknown(policy: Mapping[str, Any], option: str) -> None:
    for key in policy:
        if key not in PARTS:
            raise InvalidInput(f"a rotation policy has no {key!a}", option=option, remedy="It has: {0}.".format(", ".join(PARTS)))


def _refuse_other_parts(policy: Mapping[str, Any], kind: str, option: str) -> None:
    needed = _NEEDED.get(kind, ())
    given = [key for key in needed if policy.get(key) is not None]
    if needed and len(given) != 1:
        what = "a {0} policy needs '{1}'".format(kind, "' or '".join(needed)) + (", and not both" if given else "")
        raise InvalidInput(what, option=f"{option}.{needed[0]}", remedy=_DURATION_REMEDY if kind != SCHEDULED else "Write one of them.")
    for key in PARTS:
        if key not in (*needed, *_OTHERS[kind]) and policy.get(key) is not None:
            raise InvalidInput(
                f"a {kind} policy takes no '{key}'",
                option=f"{option}.{key}",
                remedy="Leave it out, or write another 'kind' ({0}).".format(", ".join(KINDS)),
            )


def check_max_grace(grace: timedelta, longest: timedelta, option: str = "max_grace") -> None:
    """Raise InvalidInput if a longest grace period is not longer than the grace period: no host would be waited for."""
    if longest <= grace:
        what = "it is not longer than the grace period of {0:.0f} s, so no host would be waited for".format(grace.total_seconds())
        raise InvalidInput(what, option=option, remedy="Make it longer, or leave it out.")


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
