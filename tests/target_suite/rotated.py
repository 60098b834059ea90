# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One credential in a store, its target at a real service, and runs of controllers that rotate it, one of which meets a fault.

The operation and the driver run in this process, with a clock that the test moves.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Set, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import LEASE
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import add_target, is_third_party, option_of
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver, StepModules

from .faults import APPLY, LIST, MAKE, PRECHECK, PROBE, RETIRE, Call, Fault
from .faulty_store import Crash, FaultyStore
from .harness import Plain, TargetService
from .local_runner import LocalRunner

NAME = "rotated"
STAGES = ("current", "pending", "previous")
AUTO, SETTLE, ROLLBACK = "auto", "settle", "rollback"
LATE_LIMIT = 60.0


class Rotated:
    """A credential, its service, its store and the time."""

    def __init__(self, service: TargetService, directory: Path, backend: Optional[Backend] = None, now: Optional[datetime] = None) -> None:
        """Store the service's first value. `directory` gets a working directory for each controller."""
        self.service, self.directory = service, directory
        # A service has the time of now, which is compared with that of the store.
        self.now = now or datetime.now(timezone.utc)
        self.elapsed = 0.0
        self.under_way: list[Tuple[float, Callable[[], Any]]] = []
        self.is_reachable, self.is_changed_elsewhere = True, False
        self.calls: list[str] = []
        self.fault: Optional[Fault] = None
        self.fault_at, self.fired = 0, False
        self.seen: list[Plain] = []
        self.controllers = 0
        self.store = FaultyStore(backend or open_store({"backend": "memory", "audit": "off"}).backend, self.check)
        self.store.connect()
        self.kind = service.find_target()
        if is_third_party(service.kind):
            add_target(service.kind, self.kind)
        self._create()
        self.store.mend()

    def _create(self) -> None:
        manager = CredentialManager(self.store.inner, clock=lambda: self.now)
        for name, (kind, fields) in self.service.credentials().items():
            manager.create(DesiredCredential(name, type=kind, fields=_hide(fields)))
        manager.create(DesiredCredential(NAME, type=self.service.credential_type, fields=_hide(self.service.fields())))

    # Runs.

    def run(self, phase: str = AUTO) -> str:
        """Run a controller of its own, in a working directory of its own. Return the outcome of the rotation.

        Raises:
            CredentialError: it failed, as a task would.
            Crash: the controller died.
        """
        self.controllers += 1
        here = self.directory / "controller-{}".format(self.controllers)
        here.mkdir()
        context = AccessContext(host=here.name)
        manager = CredentialManager(self.store, clock=lambda: self.now)
        before = Path.cwd()
        os.chdir(here)
        try:
            driver = RotationDriver(
                lambda step: self._perform(manager, phase, step, context), self._watch(), LocalRunner(), self._read, self.elapse
            )
            return str(driver.drive().result["outcome"])
        finally:
            os.chdir(before)
            if not self.is_reachable:
                self.reopen()

    def _perform(self, manager: CredentialManager, phase: str, step: Mapping[str, Any], context: AccessContext) -> Any:
        own = {option_of(self.service.kind): dict(self.service.options())}
        parameters = {"name": NAME, "phase": phase, "target": self.service.kind, **own, STEP: step}
        further = self.service.parameters() if phase == AUTO else {}
        outcome = perform(manager, "credential_rotate", {**parameters, **further}, context)
        self.check()
        return outcome

    def _read(self) -> float:
        return self.elapsed

    def _watch(self) -> Type[Target]:
        """Return the target's class, with every call of its acting half counted and one of them gone wrong."""
        world = self

        class Watched(self.kind):  # type: ignore[misc,name-defined]
            def precheck(self, modules: Any) -> Any:
                return world.meet(PRECHECK, modules, super().precheck)

            def probe(self, modules: Any, value: Value, place: str = "") -> Any:
                return world.meet(PROBE, modules, super().probe, value, place)

            def apply(self, modules: Any, value: Value, place: str = "") -> Any:
                return world.meet(APPLY, modules, super().apply, value, place)

            def retire(self, modules: Any, value: Value, place: str = "") -> Any:
                return world.meet(RETIRE, modules, super().retire, value, place)

            def make(self, modules: Any, base: Value, mark: str) -> Any:
                return world.meet(MAKE, modules, super().make, base, mark)

            def list_held(self, modules: Any) -> Any:
                return world.meet(LIST, modules, super().list_held)

        Watched.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
        return Watched

    def meet(self, name: str, modules: Any, method: Callable[..., Any], *arguments: Any) -> Any:
        """Do a call of the target, or what the fault puts in its place."""
        self.land()
        self.calls.append(name)
        if self.fault is None or len(self.calls) != self.fault_at:
            return method(modules, *arguments)
        self.fired = True
        return self.fault.play(self, Call(name, lambda: method(self._late_modules(), *arguments)))

    def _late_modules(self) -> StepModules:
        return StepModules(LocalRunner(), self._read, self._read() + LATE_LIMIT, LATE_LIMIT, lambda _text: None)

    # What faults do.

    def land_later(self, act: Callable[[], Any], seconds: float) -> None:
        self.under_way.append((self.elapsed + seconds, act))

    def land(self) -> None:
        """Let the requests take effect that are due, in order."""
        due = sorted((each for each in self.under_way if each[0] <= self.elapsed), key=lambda each: each[0])
        self.under_way = [each for each in self.under_way if each[0] > self.elapsed]
        for _time, act in due:
            act()

    def elapse(self, seconds: float) -> None:
        self.elapsed += seconds
        self.now += timedelta(seconds=seconds)
        self.land()

    def shut(self) -> None:
        self.is_reachable = False
        self.service.shut()

    def reopen(self) -> None:
        self.service.reopen()
        self.is_reachable = True

    def refuse_new(self) -> None:
        assert self.service.refuse_new is not None
        self.is_reachable = False  # so that the end of the run undoes it
        self.service.refuse_new()

    def change_elsewhere(self) -> None:
        self.service.change_elsewhere()
        self.is_changed_elsewhere = True

    def settle_elsewhere(self) -> None:
        self.elapse(LEASE.total_seconds() + 121)
        fault, self.fault = self.fault, None
        try:
            self.run(SETTLE)
        except CredentialError:
            pass  # it reports that the rotation did not end with the new value
        finally:
            self.fault = fault

    def read_traits(self) -> TargetTraits:
        current = Value(_hide(self.values()["current"]))
        options = {name: option.default for name, option in self.kind.options.items() if option.default is not None}
        return self.kind({**options, **self.service.options()}, current).traits

    def read_life(self) -> int:
        return self.read_traits().max_request_life

    def read_limit(self) -> int:
        return self.read_traits().apply_limit

    # What has to hold.

    def values(self) -> dict[str, Plain]:
        """Return the stored values by stage."""
        found = {}
        inner = self.store.inner
        inspector = CredentialManager(inner, clock=lambda: self.now)
        for stage in STAGES:
            try:
                record = inspector.inspect(NAME, stage=stage)
            except NotFound:
                continue
            found[stage] = {name: _show(field.expose()) for name, field in record.fields.items()}
        self.seen += [value for value in found.values() if value not in self.seen]
        return found

    def check(self) -> None:
        """Check the invariant: at least one stored version opens the service."""
        values = self.values()
        if not self.is_changed_elsewhere:
            shown = [] if self.service.show is None else [self.service.show()]
            assert any(self.service.opens(value) for value in (*values.values(), *shown)), "no stored value opens the service"

    def finish(self) -> None:
        """Let other controllers finish what is open, long after. Then store and service hold the same value, and it rotates again."""
        self.fault = None
        self.store.mend()
        self.reopen()
        if self.is_changed_elsewhere:
            self._set_by_hand()
        last = ""
        for _each in range(8):
            self.elapse(self._long())
            try:
                last = self.run(SETTLE)
            except CredentialError as error:
                last = str(error)
            if last == "idle" or (last == "rolled_back" and self.kept_on()):
                break
        values = self.values()
        assert set(values) - self.kept_on() == {"current"}, last
        self._check_only(values["current"])
        self.elapse(self._long())
        assert self.run() == "promoted"
        assert self.service.opens(self.values()["current"])

    def kept_on(self) -> Set[str]:
        """Return the stages that stay stored in the end: the other user keeps its password, old or new, until its next turn."""
        return {"previous", "pending"} if self.read_traits().overlap == ALTERNATING else set()

    def _set_by_hand(self) -> None:
        """Give the service the current value again, and the rotation a run that finds it."""
        assert self.service.set_by_hand is not None
        self.elapse(self._long())
        self.service.set_by_hand(self.values()["current"])
        self.is_changed_elsewhere = False

    def _check_only(self, current: Plain) -> None:
        traits = self.read_traits()
        assert self.service.opens(current)
        if traits.overlap == ALTERNATING or traits.old_accepted_for:
            return  # the other user keeps its password; or the service accepts an old value for a while
        assert [value for value in self.seen if value != current and self.service.opens(value)] == []

    def _long(self) -> float:
        traits = self.read_traits()
        return 3600.0 + traits.min_interval + traits.max_request_life + traits.propagation


def _hide(fields: Plain) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in fields.items()}


def _show(value: bytes) -> Any:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def run_until_failure(world: Rotated, phases: Tuple[str, ...]) -> str:
    """Run the phases, with time between them, until one fails or a controller dies. Return how it ended."""
    outcome = ""
    for number, phase in enumerate(phases):
        if number and phase == SETTLE:
            world.elapse(3600)
        try:
            outcome = world.run(phase)
        except CredentialError as error:
            return str(error)
        except Crash:
            world.check()
            return "crash"
    return outcome
