# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of the table: service, course of runs, fault, and the call that the fault meets.

The fast profile plays each fault once per kind of target, for most kinds only those whose outcome depends on the service. The long one
plays each at every call. It notes each row that held in a file, and leaves it out the next time, until the code of rotations changes.
`python -m tests.target_suite.rows` prints how many rows of each target held.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.operations import rotate
from ansible_collections.nebula.credential.plugins.module_utils.rotation import engine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import base
from ansible_collections.nebula.credential.plugins.plugin_utils.action import rotation_driver

from .faults import FAULTS, IN_STORE
from .harness import TargetService
from .rotated import AUTO, ROLLBACK, SETTLE, Rotated, run_until_failure
from .services import LONG, SERVICES, find_label

COURSES: Mapping[str, Tuple[str, ...]] = {"rotate": (AUTO, SETTLE), "go_back": (AUTO, ROLLBACK, SETTLE)}
"""A rotation, and what is left to do after its grace period; or a rotation that goes back in its grace period."""
EVERY_FAULT = (*FAULTS, *IN_STORE)
OF_THE_SERVICE = ("crash_and_land", "answer_lost", "refuses_new")
"""Faults whose outcome depends on the service. What the others show depends on the engine and the store, or is a test of its own."""
WANTED = 1000
KILL = "kill"
"""What stands in place of course and fault in the row of a killed run."""
_LINE = "{:<32} {:>8} {:>8} {:>8}"
_CODE = (rotation_driver.__file__, rotate.__file__, engine.__file__, base.__file__, __file__, *(inspect.getfile(each) for each in SERVICES))


Case = Tuple[Type[TargetService], str, str]
"""A service, a course and a fault."""


def list_cases() -> List[Case]:
    """Return the cases of this profile. The fast one deals the faults out among the services and courses of a kind."""
    by_kind: Dict[str, List[Tuple[Type[TargetService], str]]] = {}
    for service in SERVICES:
        by_kind.setdefault(service.kind, []).extend((service, course) for course in COURSES if _has_course(service, course))
    return [
        (service, course, fault)
        for pairs in by_kind.values()
        for number, fault in enumerate(EVERY_FAULT)
        for service, course in (pairs if LONG else (pairs[number % len(pairs)],))
        if _can_play(service, fault) and (LONG or service.plays_every_fault or fault in OF_THE_SERVICE)
    ]


def _has_course(service: Type[TargetService], course: str) -> bool:
    return course == "rotate" or service.overlaps


def _can_play(service: Type[TargetService], fault: str) -> bool:
    can_play = {
        "refuses_new": service.refuse_new is not None,
        "changed_elsewhere": service.set_by_hand is not None,
        "says_done": not service.makes,
    }
    return can_play.get(fault, True)


def name_case(case: Case) -> str:
    """Return the name of a case."""
    service, course, fault = case
    return "{} {} {}".format(find_label(service), course, fault)


@contextlib.contextmanager
def rotating(service: Type[TargetService], directory: Path) -> Iterator[Rotated]:
    """Yield a credential whose account is removed afterwards."""
    (directory / "account").mkdir(parents=True)
    account = service(directory / "account")
    account.start()
    try:
        yield Rotated(account, directory)
    finally:
        account.stop()


@functools.lru_cache(maxsize=None)
def count_calls(service: Type[TargetService], course: str, directory: Path) -> Tuple[Tuple[str, ...], int, int]:
    """Return the calls of the target, and how many writes and calls of the store there are, if nothing goes wrong."""
    with rotating(service, directory) as world:
        run_until_failure(world, COURSES[course])
        return tuple(world.calls), world.store.writes, world.store.calls


def list_calls(case: Case, directory: Path) -> Tuple[int, ...]:
    """Return the calls at which the fault is played in this profile, counted from 1 in a run in `directory`."""
    service, course, fault = case
    calls, writes, store_calls = count_calls(service, course, directory / "{}-{}".format(find_label(service), course))
    if fault in IN_STORE:
        every = tuple(range(1, 1 + (store_calls if fault == "store_down" else writes)))
    else:
        every = tuple(number for number, name in enumerate(calls, 1) if name in FAULTS[fault].calls)
    return every if LONG else every[EVERY_FAULT.index(fault) % len(every) :][:1]


@functools.lru_cache(maxsize=None)
def _notes() -> Path:
    folders = sorted({Path(place).resolve().parent for place in _CODE})
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return Path.cwd() / ".cache" / "rotation-rows-{}".format(digest)


def read_rows() -> frozenset[str]:
    """Return the rows that held with this code."""
    return frozenset(_notes().read_text(encoding="ascii").splitlines()) if _notes().exists() else frozenset()


def note_row(row: str) -> None:
    """Note a row that held and whose fault was seen."""
    _notes().parent.mkdir(exist_ok=True)
    with _notes().open("a", encoding="ascii") as notes:
        notes.write(row + "\n")


def name_kill(service: Type[TargetService], moment: int) -> str:
    """Return the row of a run of `ansible-playbook` that is killed at that moment."""
    return "{} {} {}".format(find_label(service), KILL, moment)


def count_rows(rows: Iterable[str], labels: Sequence[str]) -> Dict[str, Tuple[int, int]]:
    """Return for each target how many rows of faults held, and how many of kills. A row of another target is left out."""
    found = [row.split()[:2] for row in rows]
    return {label: (_count(found, label, is_kill=False), _count(found, label, is_kill=True)) for label in labels}


def _count(found: Sequence[Sequence[str]], label: str, *, is_kill: bool) -> int:
    return len([row for row in found if row[0] == label and (row[1] == KILL) is is_kill])


def find_gaps(counts: Mapping[str, Tuple[int, int]]) -> List[str]:
    """Return what is missing, in words: a target without rows of one kind, and too few rows in all."""
    kinds = ("fault", "kill")
    gaps = ["{}: no {} was played".format(label, kinds[number]) for label, both in counts.items() for number in (0, 1) if not both[number]]
    total = sum(faults for faults, _kills in counts.values())
    return gaps if total >= WANTED else [*gaps, "{} rows of faults, and {} are wanted".format(total, WANTED)]


def main() -> int:
    """Print a table of the rows that held, by target. Return 1 if something is missing."""
    counts = count_rows(read_rows(), [find_label(service) for service in SERVICES])
    total = tuple(map(sum, zip(*counts.values())))
    print(_LINE.format("target", "faults", "kill -9", "together"))
    for label, (faults, kills) in (*counts.items(), ("all", total)):
        print(_LINE.format(label, faults, kills, faults + kills))
    gaps = find_gaps(counts)
    print("\n".join(gaps))
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
