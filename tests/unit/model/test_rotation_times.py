# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cron lines, maintenance windows, jitter and offsets of a rotation policy."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from zoneinfo import ZoneInfo

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_schedule
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_times import find_cron_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)  # a Sunday
DAY = timedelta(days=1)
WEEKEND = {"windows": [{"days": ["sat"], "from": "22:00", "until": "02:00"}, {"days": ["wed"], "from": "01:00", "until": "03:00"}]}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]


def nightly(cron: str = "30 2 * * *", **parts: Any) -> RotationPolicy:
    return RotationPolicy.read({"kind": "scheduled", "cron": cron, "zone": "Europe/Berlin", **parts})


def test_a_cron_line_counts_from_the_last_rotation_in_its_zone() -> None:
    assert nightly().next_rotation(NOW) == utc(2026, 11, 23, 1, 30)
    assert nightly().next_rotation(utc(2026, 11, 23, 1, 30)) == utc(2026, 11, 24, 1, 30)
    assert nightly("0 4 1 * *").next_rotation(NOW) == utc(2026, 12, 1, 3)


def due_times(policy: RotationPolicy, first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    """When a run that comes at every step rotates: each rotation is the beginning of the next wait."""
    rotated, since, now = [], first, first
    while now < last:
        due_at = policy.next_rotation(since)
        if due_at is not None and due_at <= now:
            rotated.append(now)
            since = now
        now += step
    return rotated


@pytest.mark.parametrize("step", [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=65)])
@pytest.mark.parametrize(
    ("first", "last"),
    [(utc(2026, 10, 24, 12), utc(2026, 10, 25, 12)), (utc(2026, 3, 28, 12), utc(2026, 3, 29, 12))],
    ids=["an hour twice", "an hour skipped"],
)
def test_on_the_night_of_the_clock_change_it_is_due_once(first: datetime, last: datetime, step: timedelta) -> None:
    """The clocks of Berlin have 02:30 twice on the first night, and never on the second one."""
    assert len(due_times(nightly(), first, last, step)) == 1


@pytest.mark.parametrize("minutes", range(0, 180, 7))
def test_a_value_written_during_the_clock_change_is_not_due_before_it_was_written(minutes: int) -> None:
    since = utc(2026, 10, 25, 0) + timedelta(minutes=minutes)
    due_at = nightly().next_rotation(since)
    assert due_at is not None
    assert due_at > since


@pytest.mark.parametrize("line", ["30 2 * *", "0 30 2 * * *", "@daily", "", "61 2 * * *", "a b c d e", "0 0 31 2 *", "0 0 30 2 *"])
def test_only_a_line_of_five_fields_that_names_a_time_is_a_cron_line(line: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        RotationPolicy.read({"kind": "scheduled", "cron": line})
    assert raised.value.option == "policy.cron"


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", "", 7])
def test_what_is_no_time_zone_is_refused(zone: Any) -> None:
    with pytest.raises(InvalidInput) as raised:
        nightly(zone=zone or " ")
    assert raised.value.option == "policy.zone"


def test_a_credential_with_a_cron_line_is_not_silently_never_due_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = Metadata(NOW, NOW, policy=nightly().write())
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(MissingLibrary, match="cronsim"):
        read_schedule(metadata)


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ({"kind": "scheduled"}, "policy.at"),
        ({"kind": "scheduled", "at": "2027-01-31T02:00:00Z", "cron": "0 2 * * *"}, "policy.at"),
        ({"kind": "periodic", "every": "1d", "cron": "0 2 * * *"}, "policy.cron"),
        ({"kind": "periodic", "every": "1d", "zone": "UTC"}, "policy.zone"),
        ({"kind": "before_expiry", "before": "1d", "offset": "1h"}, "policy.offset"),
        ({"kind": "manual", "jitter": "1h"}, "policy.jitter"),
        ({"kind": "manual", **WEEKEND}, "policy.windows"),
        ({"kind": "periodic", "every": "1d", "strategy": "green"}, "policy.strategy"),
        ({"kind": "periodic", "every": "1d", "windows": []}, "policy.windows"),
        ({"kind": "periodic", "every": "1d", "windows": [{"from": "01:00"}]}, "policy.windows[0].until"),
        ({"kind": "periodic", "every": "1d", "windows": [{"from": 60, "until": "02:00"}]}, "policy.windows[0].from"),
        ({"kind": "periodic", "every": "1d", "windows": [{"from": "24:00", "until": "02:00"}]}, "policy.windows[0].from"),
        ({"kind": "periodic", "every": "1d", "windows": [{"from": "02:00", "until": "02:00"}]}, "policy.windows[0]"),
        (
            {"kind": "periodic", "every": "1d", "windows": [{"days": ["sunday"], "from": "01:00", "until": "02:00"}]},
            "policy.windows[0].days",
        ),
        ({"kind": "periodic", "every": "1d", "windows": [{"form": "01:00", "until": "02:00"}]}, "policy.windows[0]"),
    ],
)
def test_a_part_that_means_nothing_is_refused_by_name(written: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        RotationPolicy.read(written)
    assert raised.value.option == option


@pytest.mark.parametrize(
    "written",
    [
        {"kind": "scheduled", "cron": "30 2 * * sun", "zone": "Europe/Berlin", "offset": "1h", "jitter": "30m"},
        {"kind": "periodic", "every": "90d", "strategy": "blue_green", "jitter": "2h", "offset": "45d", **WEEKEND, "zone": "Asia/Tokyo"},
        {"kind": "manual", "strategy": "replace", "grace": "1h"},
    ],
)
def test_a_policy_is_written_and_read_back(written: dict[str, Any]) -> None:
    read = RotationPolicy.read(written)
    assert RotationPolicy.read(read.write()) == read


def test_a_rotation_waits_for_its_window_also_for_one_over_midnight() -> None:
    policy = RotationPolicy.read({"kind": "periodic", "every": "1d", **WEEKEND})
    assert policy.next_rotation(NOW) == utc(2026, 11, 25, 1)
    assert policy.next_rotation(utc(2026, 11, 25, 1)) == utc(2026, 11, 28, 22)
    assert policy.next_rotation(utc(2026, 11, 28, 0, 30)) == utc(2026, 11, 29, 0, 30)
    opened = [policy.is_open(utc(2026, 11, 28, hour)) for hour in range(24)]
    assert [hour for hour, is_open in enumerate(opened) if is_open] == [22, 23]
    assert policy.is_open(utc(2026, 11, 29, 1, 59))
    assert not policy.is_open(utc(2026, 11, 29, 2))


def test_what_is_due_outside_its_window_is_overdue_and_not_due() -> None:
    metadata = Metadata(NOW, NOW, policy={"kind": "periodic", "every": 86400, **WEEKEND})
    schedule = read_schedule(metadata)
    missed = utc(2026, 11, 26, 12)
    assert (schedule.is_overdue(missed), schedule.is_due(missed)) == (True, False)
    assert schedule.is_due(utc(2026, 11, 28, 23))


def test_jitter_spreads_and_is_the_same_on_every_controller() -> None:
    policy = RotationPolicy.read({"kind": "periodic", "every": "30d", "jitter": "10h"})
    times = [policy.next_rotation(NOW, name="c{0}".format(number)) for number in range(200)]
    assert times == [policy.next_rotation(NOW, name="c{0}".format(number)) for number in range(200)]
    late = [(time - NOW - 30 * DAY).total_seconds() / 3600 for time in times if time is not None]
    assert all(0 <= hours < 10 for hours in late)
    assert len([hours for hours in late if hours < 5]) in range(60, 141)
    assert len(set(late)) > 150


def test_an_offset_keeps_a_pair_of_one_service_apart_for_good() -> None:
    first = RotationPolicy.read({"kind": "periodic", "every": "90d"})
    second = RotationPolicy.read({"kind": "periodic", "every": "90d", "offset": "45d"})
    assert second.next_rotation(NOW) == NOW + 135 * DAY
    assert second.next_rotation(NOW + 135 * DAY, is_first=False) == NOW + 225 * DAY
    assert first.next_rotation(NOW + 90 * DAY, is_first=False) == NOW + 180 * DAY


def test_an_offset_moves_each_time_of_a_schedule() -> None:
    policy = nightly("0 2 * * sun", offset="3d")
    (found, following) = (policy.next_rotation(NOW), policy.next_rotation(utc(2026, 11, 25, 1)))
    assert (found, following) == (utc(2026, 11, 25, 1), utc(2026, 12, 2, 1))


def test_a_jitter_as_long_as_the_period_is_refused() -> None:
    with pytest.raises(InvalidInput, match="could skip a rotation"):
        RotationPolicy.read_wanted({"kind": "periodic", "every": "1d", "jitter": "1d"})


def test_a_line_of_every_hour_applies_in_both_hours_of_the_change() -> None:
    found, since = [], utc(2026, 10, 24, 23, 30)
    for _each in range(4):
        since = find_cron_time("0 * * * *", BERLIN, since) or since
        found.append(since)
    assert found == [utc(2026, 10, 25, hour) for hour in range(4)]
