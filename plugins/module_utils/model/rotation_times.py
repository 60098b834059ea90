# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The times of a rotation policy that depend on a calendar: cron lines, maintenance windows, and a jitter.

Loaded only for a policy that has one of them.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    MissingLibrary,
    Package,
    pip_install,
    suggest,
)

CRONSIM = Package("cronsim >= 2.5", "cronsim")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = ("days", "from", "until")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_CRON_REMEDY = "Write five fields: minute, hour, day of the month, month, day of the week. For example '30 2 * * sun'."
_SPREAD = 2**64


def read_zone(name: object, option: str) -> tzinfo:
    """Return a time zone by its name in the IANA database.

    Raises:
        InvalidInput: there is none of that name, or this machine has no such database.
    """
    try:
        from zoneinfo import ZoneInfo
    except ImportError:
        raise InvalidInput("this Python knows no time zones", option=option, remedy="Use Python 3.9 or later.") from None
    try:
        return timezone.utc if name == "UTC" else ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        remedy = "Write a name such as 'Europe/Berlin'. A machine without time zones needs the package 'tzdata'."
        raise InvalidInput("{0} is not a time zone that this machine knows".format(ascii(name)), option=option, remedy=remedy) from None


def find_cron_time(line: str, zone: tzinfo, after: datetime, option: str = "policy.cron") -> Optional[datetime]:
    """Return the first time of a cron line after `after`, in UTC; None if it has none.

    In the night of a clock change a line of a fixed hour has one time, as in cron.

    Raises:
        InvalidInput: it is not a line of exactly five fields.
        MissingLibrary: cronsim is not installed.
    """
    if len(line.split()) != 5:
        raise InvalidInput("{0} has not five fields".format(ascii(line)), option=option, remedy=_CRON_REMEDY)
    try:
        import cronsim
    except ImportError:
        raise MissingLibrary(
            "a policy with a cron line needs the package cronsim", option=option, remedy="Run: {0}".format(pip_install(CRONSIM))
        ) from None
    try:
        for found in cronsim.CronSim(line, after.astimezone(zone)):
            time_found = found.astimezone(timezone.utc)
            # An hour that the clocks have twice has its earlier time here, which may be over.
            if time_found > after:
                return time_found
    except cronsim.CronSimError:
        raise InvalidInput("{0} is not a cron line".format(ascii(line)), option=option, remedy=_CRON_REMEDY) from None
    except OverflowError:
        return None
    return None


def draw_jitter(most: timedelta, name: str, since: datetime) -> timedelta:
    """Return a part of `most`, the same on every controller: drawn from the credential's name and the date of its value."""
    digest = hashlib.sha256("{0}|{1}".format(name, since.isoformat()).encode("utf-8")).digest()
    return timedelta(seconds=int(most.total_seconds()) * int.from_bytes(digest[:8], "big") // _SPREAD)


def check_windows(windows: object, option: str) -> Tuple[Dict[str, Any], ...]:
    """Return maintenance windows as JSON-like data: `{days, from, until}`, with all days if none are named.

    Raises:
        InvalidInput: they are no list of mappings, or a part is missing or invalid.
    """
    if not isinstance(windows, (list, tuple)) or not windows:
        raise InvalidInput(
            "it is not a list of windows", option=option, remedy="Write [{days: [sat, sun], from: '01:00', until: '05:00'}]."
        )
    return tuple(_check_window(window, "{0}[{1}]".format(option, number)) for number, window in enumerate(windows))


def _check_window(window: object, option: str) -> Dict[str, Any]:
    if not isinstance(window, Mapping):
        raise InvalidInput("it is not a mapping", option=option, remedy="Write {days: [sat, sun], from: '01:00', until: '05:00'}.")
    for part in window:
        if part not in _WINDOW:
            remedy = "{0}It has: {1}.".format(suggest(str(part), _WINDOW), ", ".join(_WINDOW))
            raise InvalidInput("a window has no {0}".format(ascii(part)), option=option, remedy=remedy)
    days: List[str] = [str(day).lower() for day in window.get("days") or DAYS]
    for day in days:
        if day not in DAYS:
            raise InvalidInput(
                "there is no day {0}".format(ascii(day)), option=option + ".days", remedy="Write: {0}.".format(", ".join(DAYS))
            )
    times = {part: _check_time(window.get(part), "{0}.{1}".format(option, part)) for part in ("from", "until")}
    if times["from"] == times["until"]:
        raise InvalidInput("the window ends when it begins", option=option, remedy="For a whole day write from: '00:00', until: '23:59'.")
    return {"days": days, **times}


def _check_time(written: object, option: str) -> str:
    if not isinstance(written, str) or not _TIME.match(written):
        raise InvalidInput("{0} is not a time".format(ascii(written)), option=option, remedy="Write hours and minutes in quotes: '01:00'.")
    return written


def find_opening(windows: Sequence[Mapping[str, Any]], zone: tzinfo, at: datetime) -> datetime:
    """Return the first time from `at` on that is in a window: `at` itself, or the beginning of the next window."""
    first = at.astimezone(zone).date() - timedelta(days=1)
    openings = []
    for ahead in range(9):
        day = first + timedelta(days=ahead)
        for window in windows:
            if DAYS[day.weekday()] not in window["days"]:
                continue
            begin = datetime.combine(day, _read_time(window["from"]), zone)
            over = day if window["until"] > window["from"] else day + timedelta(days=1)
            if at < datetime.combine(over, _read_time(window["until"]), zone):
                openings.append(max(at, begin.astimezone(timezone.utc)))
    return min(openings)


def _read_time(written: str) -> time:
    hours, minutes = written.split(":")
    return time(int(hours), int(minutes))
