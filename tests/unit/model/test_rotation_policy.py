# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation policies: reading, writing, and when a rotation is due."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model import rotation_policy as policy
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("written", "seconds"), [(0, 0), (90, 90), ("90", 90), ("90d", 90 * 86400), ("1h30m", 5400), (" 2w ", 1209600), ("1d12h5s", 129605)]
)
def test_a_duration_is_seconds_or_numbers_with_units(written: object, seconds: int) -> None:
    assert policy.duration(written, "every") == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["", "d", "-1", -1, "1.5h", 1.5, True, None, "1y", "10 d", "99999999999d", [], "\u0661d"])
def test_what_is_no_duration_is_refused_by_the_name_of_its_option(written: object) -> None:
    with pytest.raises(InvalidInput) as raised:
        policy.duration(written, "policy.every")
    assert raised.value.option == "policy.every"


@given(st.integers(0, 3_000_000_000))
def test_a_duration_in_parts_is_read_back(seconds: int) -> None:
    days, rest = divmod(seconds, 86400)
    assert policy.duration("{}d{}h{}m{}s".format(days, rest // 3600, rest % 3600 // 60, rest % 60), "every").total_seconds() == seconds


@pytest.mark.parametrize("written", ["2027-01-31T02:00:00Z", "2027-01-31T03:00:00+01:00", datetime(2027, 1, 31, 2, tzinfo=timezone.utc)])
def test_a_time_says_its_zone(written: object) -> None:
    assert policy.moment(written, "at") == datetime(2027, 1, 31, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize("written", ["2027-01-31T02:00:00", "tomorrow", "", None, 5, datetime(2027, 1, 1)])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(written: object) -> None:
    with pytest.raises(InvalidInput) as raised:
        policy.moment(written, "policy.at")
    assert raised.value.option == "policy.at"


POLICIES = [
    {},
    {"kind": "manual", "warning": "7d"},
    {"kind": "periodic", "every": "90d", "warning": "7d", "grace": "1h"},
    {"kind": "before_expiry", "before": "30d"},
    {"kind": "before_expiry", "before": 0},
    {"kind": "scheduled", "at": "2027-01-31T02:00:00Z", "grace": 300},
]


@pytest.mark.parametrize("written", POLICIES)
def test_a_policy_is_written_and_read_back(written: dict[str, Any]) -> None:
    read = RotationPolicy.read(written)
    assert RotationPolicy.read(read.write()) == read
    assert not any(isinstance(value, float) for value in read.write().values())


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ({"kind": "weekly"}, "policy.kind"),
        ({"kind": "periodic"}, "policy.every"),
        ({"kind": "periodic", "every": 0}, "policy.every"),
        ({"kind": "periodic", "every": "90d", "at": "2027-01-31T02:00:00Z"}, "policy.at"),
        ({"kind": "manual", "every": "90d"}, "policy.every"),
        ({"kind": "scheduled"}, "policy.at"),
        ({"kind": "before_expiry"}, "policy.before"),
        ({"kind": "manual", "grace": "soon"}, "policy.grace"),
        ({"kind": "manual", "every_day": 1}, "policy"),
    ],
)
def test_a_bad_policy_names_the_option(written: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        RotationPolicy.read(written)
    assert raised.value.option == option


def test_periodic_counts_from_the_current_value() -> None:
    read = RotationPolicy.read({"kind": "periodic", "every": "90d", "warning": "7d"})
    assert read.next_rotation(NOW) == NOW + 90 * DAY


def test_before_expiry_counts_back_from_the_expiry_and_is_never_due_without_one() -> None:
    read = RotationPolicy.read({"kind": "before_expiry", "before": "30d"})
    assert read.next_rotation(NOW, NOW + 40 * DAY) == NOW + 10 * DAY
    assert read.next_rotation(NOW) is None


def test_a_scheduled_time_counts_once() -> None:
    read = RotationPolicy.read({"kind": "scheduled", "at": (NOW + DAY).isoformat()})
    assert read.next_rotation(NOW) == NOW + DAY
    assert read.next_rotation(NOW + DAY) is None


def test_manual_is_never_due() -> None:
    assert RotationPolicy.read({}).next_rotation(NOW, NOW) is None


def test_a_grace_period_shorter_than_what_consumers_keep_is_refused() -> None:
    minute = timedelta(minutes=1)
    policy.check_grace(8 * minute, 5 * minute, minute)
    with pytest.raises(InvalidInput) as raised:
        policy.check_grace(8 * minute - timedelta(seconds=1), 5 * minute, minute)
    assert raised.value.option == "grace"
    assert "480 s" in str(raised.value)


def test_a_wanted_warning_is_not_longer_than_the_period_and_a_stored_one_keeps_its_effect() -> None:
    written = {"kind": "periodic", "every": "7d", "warning": "30d"}
    with pytest.raises(InvalidInput) as caught:
        RotationPolicy.read_wanted(written)
    assert caught.value.option == "policy.warning"
    assert RotationPolicy.read(written).warning == 30 * DAY
    assert RotationPolicy.read_wanted({**written, "warning": "7d", "grace": None}).warning == 7 * DAY
