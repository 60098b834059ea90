# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotate many credentials, several at once: a queue of rotations, worked off by threads, each with a process that acts at targets."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_report import (
    FAILURES,
    NOT_TRIED,
    Row,
    build_done_row,
    build_failed_row,
    build_row,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_workers import Drive, Worker, start_workers

Ask = Callable[[Mapping[str, Any]], Outcome]
"""Performs `credential_rotate` in the store with these parameters."""


@dataclass(frozen=True)
class Rotation:
    """One credential to rotate.

    Attributes:
        listed: its row of the listing.
        kind: the kind of its target.
        parameters: those of `credential_rotate`.
        is_driven: whether something acts at the target.
    """

    listed: Mapping[str, Any]
    kind: str
    parameters: Mapping[str, Any]
    is_driven: bool


class DueRotations:
    """The rotations of one run. A failure of one stops no other, until too many have failed."""

    def __init__(self, rotations: Sequence[Rotation], failed: int, max_fail_percentage: int, show: Callable[[Row], object]) -> None:
        """Set what is rotated, how many have failed already, which percentage may fail, and what shows a row."""
        self._waiting = _take_turns(rotations)
        self._total = len(rotations) + failed
        self._failed = failed
        self._allowed = max_fail_percentage
        self._show = show
        self._lock = threading.Lock()
        self._rows: list[Row] = []

    def run(self, parallel: int, drive: Drive, ask: Ask, check_mode: bool) -> list[Row]:
        """Rotate, at most so many at once, and return a row for each credential."""
        count = min(parallel, len(self._waiting))
        acting = 0 if check_mode or not any(each.is_driven for each in self._waiting) else count
        with ExitStack() as ending:
            workers: list[Worker | None] = [*start_workers(acting, drive)] or [None] * count
            for worker in workers:
                if worker is not None:
                    ending.callback(worker.close)
            threads = [threading.Thread(target=self._work, args=(worker, ask, check_mode), daemon=True) for worker in workers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self._rows += [build_row(each.listed, NOT_TRIED) for each in self._waiting]
        return sorted(self._rows, key=lambda row: str(row["name"]))

    def describe_progress(self) -> dict[str, int]:
        """Return how many are done, and how many there are."""
        return {"done": len(self._rows), "total": self._total}

    def _work(self, worker: Worker | None, ask: Ask, check_mode: bool) -> None:
        while worker is None or not worker.is_gone:
            rotation = self._take()
            if rotation is None:
                return
            row = _rotate(rotation, worker, ask, check_mode)
            with self._lock:
                self._rows.append(row)
                self._failed += row["result"] in FAILURES
                self._show(row)

    def _take(self) -> Rotation | None:
        with self._lock:
            stops = self._failed and self._failed * 100 > self._allowed * self._total
            return self._waiting.pop(0) if self._waiting and not stops else None


def _take_turns(rotations: Sequence[Rotation]) -> list[Rotation]:
    """Return the rotations in an order in which the targets take turns, so that one that is slow keeps few of the processes."""
    by_target: dict[str, list[Rotation]] = defaultdict(list)
    for rotation in rotations:
        by_target[str(rotation.listed["target"])].append(rotation)
    return [each for turn in zip_longest(*by_target.values()) for each in turn if each is not None]


def _rotate(rotation: Rotation, worker: Worker | None, ask: Ask, check_mode: bool) -> Row:
    def is_orphaned() -> bool:
        try:
            status = ask({"name": rotation.listed["name"], "phase": "status", "scope": rotation.parameters.get("scope")})
        except CredentialError:
            return False
        return bool(status.result["rotation"].get("orphaned"))

    try:
        if rotation.is_driven and worker is not None:
            done = worker.drive(
                {"kind": rotation.kind, "name": rotation.listed["name"]}, lambda step: ask({**rotation.parameters, STEP: step})
            )
        else:
            done = ask(rotation.parameters)
        return build_done_row(rotation.listed, done.result, check_mode)
    except Exception as error:  # noqa: BLE001  # a failure of one stops no other
        return build_failed_row(rotation.listed, as_credential_error(error).within(name=str(rotation.listed["name"])), is_orphaned)
