# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every target against its real service: a rotation, and everything that can go wrong at each of its steps.

After every step at least one stored version opens the service, and in the end store and service hold the same value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Type

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import ALTERNATING, OVERLAP_NONE

from .faults import FAULTS, IN_STORE
from .harness import TargetService
from .rotated import SETTLE, Rotated, run_until_failure
from .rows import COURSES, Case, list_calls, list_cases, name_case, note_row, read_rows, rotating
from .services import LONG, SERVICES, find_label

every_service = pytest.mark.parametrize("service", SERVICES, ids=find_label)


@pytest.fixture
def world(service: Type[TargetService], tmp_path: Path) -> Iterator[Rotated]:
    with rotating(service, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the runs in which calls are counted."""
    return tmp_path_factory.mktemp("counted")


@every_service
def test_the_old_value_opens_before_and_the_new_one_after_and_both_in_grace_as_the_traits_say(world: Rotated) -> None:
    first = world.values()["current"]
    assert world.service.opens(first)
    assert world.run() == "promoted"
    new, traits = world.values()["current"], world.read_traits()
    overlaps = traits.overlap != OVERLAP_NONE
    assert overlaps is world.service.overlaps
    assert new != first
    assert world.service.opens(new)
    assert world.service.opens(first) or not overlaps
    if overlaps:
        assert world.values()["previous"] == first
    elif not traits.old_accepted_for:
        assert not world.service.opens(first)
    world.elapse(3600)
    if overlaps or traits.grants_last:
        assert world.values()["previous"] == first
        world.run(SETTLE)
        assert world.service.opens(first) is (traits.overlap == ALTERNATING)
    left = world.values()
    assert left.pop("current") == new
    assert set(left) <= world.kept_on()
    assert world.service.opens(new)


@every_service
def test_a_service_that_is_down_refuses_or_has_another_value_is_sent_nothing(world: Rotated) -> None:
    first = world.values()["current"]
    world.shut()
    with pytest.raises(errors.CredentialError):
        world.run()
    if world.service.refuse_new is not None:
        world.refuse_new()
        with pytest.raises(errors.CredentialError):
            world.run()
        assert world.service.opens(first)
    world.change_elsewhere()
    if world.service.show is not None:
        assert world.run() == "promoted"
        assert world.service.opens(world.values()["current"])
        return
    with pytest.raises(errors.CredentialError):
        world.run()
    assert not world.service.opens(first)
    assert world.values()["current"] == first


@pytest.mark.parametrize("case", list_cases(), ids=name_case)
def test_a_fault_at_any_step_loses_nothing(case: Case, tmp_path: Path, counted: Path) -> None:
    service, course, fault = case
    held = read_rows() if LONG else frozenset()
    for at in list_calls(case, counted):
        row = "{} {}".format(name_case(case), at)
        if row in held:
            continue
        with rotating(service, tmp_path / str(at)) as world:
            play(world, course, fault, at, row)
        if LONG:
            note_row(row)


def play(world: Rotated, course: str, fault: str, at: int, row: str) -> None:
    """Play one row. It counts only if its fault was seen."""
    if fault == "store_down":
        world.store.fails_at = at
    elif fault in IN_STORE:
        world.store.dies_at, world.store.after = at, fault == "store_dies_after"
    else:
        world.fault, world.fault_at = FAULTS[fault], at
    try:
        ended = run_until_failure(world, COURSES[course])
        assert world.fired or world.store.fired, "the fault was not met"
        world.finish()
    except (AssertionError, errors.CredentialError) as error:
        raise AssertionError("{}: {} (calls: {})".format(row, error, " ".join(world.calls))) from error
    assert ended
