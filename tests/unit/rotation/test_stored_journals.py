# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation that an earlier version began and left in any phase is brought to its end, and no value is lost."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import datetime, timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, RotationFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import JournalBook
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.fixtures.stored_before import StoredBefore
from tests.unit.rotation.world import Clock, Target, smooth

STORES = (pytest.param("local-journals", marks=pytest.mark.long), "sqlite-journals")
NOBODY = AccessContext()
REQUEST_LIFE = 100
LONG_AFTER = 8000
"""Longer than any lease, grace period or flight of a request in the fixtures, in seconds."""


@pytest.fixture(scope="module", params=STORES)
def before(request, tmp_path_factory):
    return StoredBefore(request.param, tmp_path_factory.mktemp("journals"))


@pytest.fixture
def manager(before, monkeypatch):
    before.use_its_home(monkeypatch)
    with closing(before.open()) as opened:
        yield opened


def values_of(backend, name):
    found = {}
    for stage in (CURRENT, PENDING, PREVIOUS):
        with suppress(NotFound):
            found[stage] = backend.get(name, stage=stage).fields["password"].expose()
    return found


def is_open(backend, name):
    with suppress(NotFound):
        return bool(backend.get(name, stage=JOURNAL))
    return False


class Resumed:
    """A stored rotation, and the simulated target that it left behind."""

    def __init__(self, manager, name, facts):
        self.backend, self.name, self.facts = manager.backend, name, facts
        self.clock = Clock()
        self.clock.now = datetime.fromisoformat(facts["now"])
        self.target = Target(self.clock, facts["target"].encode())
        self.target.flying = [(datetime.fromisoformat(due), value.encode()) for due, value in facts["landing"]]
        if facts["phase"] == phases.LOST:
            # What the error says to do: set a stored value at the target.
            self.target.value = facts["values"][CURRENT].encode()

    def finish(self):
        """Runs, each long after the last, until no rotation is open."""
        for number in range(6):
            self.clock.forward(LONG_AFTER)
            engine = RotationEngine(self.backend, self.clock, "resumed-{}".format(number))
            if not is_open(self.backend, self.name):
                return
            if JournalBook(self.backend).find(self.name).journal.manual:
                self._decide_by_hand(engine)
            else:
                self._drive(engine, engine.settle(self.name), None)

    def rotate(self):
        """A new rotation."""
        self.clock.forward(LONG_AFTER)
        engine = RotationEngine(self.backend, self.clock, "new")
        request = self._request("simulated", TargetTraits(self.facts["overlap"], self.facts["rollback"], "asks", REQUEST_LIFE))
        return self._drive(engine, engine.prepare(request), request).outcome

    def _drive(self, engine, step, request):
        while step.kind != steps.DONE:
            value = step.fields["password"].expose()
            if step.kind == steps.RETIRE:
                outcome = steps.APPLIED  # this target takes one value at a time: the other one is absent
            else:
                outcome = self.target.send(value, *smooth(step)) if step.kind == steps.APPLY else self.target.ask(value)
            step = engine.report(self.name, step.ticket, outcome, request)
        return step

    def _decide_by_hand(self, engine):
        request = self._request("manual", TargetTraits("none", "reapply", "a person", REQUEST_LIFE), manual=True)
        phase = JournalBook(self.backend).find(self.name).journal.phase
        if phase not in (phases.PREPARING, phases.PREPARED, phases.DISCARDING):
            engine.settle(self.name)
        elif self.target.value == values_of(self.backend, self.name).get(PENDING):
            engine.test(self.name, accepted=True, wrong_refused=True)
            engine.commit(self.name)
        else:
            engine.prepare(request)
            engine.rollback(request, sent=False)

    def _request(self, kind, traits, **options):
        return Request(self.name, kind, traits, lambda _base: Candidate({"password": Secret(b"newest")}), **options)


def test_every_phase_is_there(before):
    every = {value for name, value in vars(phases).items() if name.isupper() and isinstance(value, str)}
    every -= {phases.ATTRIBUTE, phases.FORWARD, phases.BACK, phases.JOURNAL, phases.ALTERNATING}
    stored = {facts["phase"] for facts in before.facts["rotations"].values()}
    assert stored <= every
    assert len(stored) == len({facts["phase"] for facts in before.facts["postgresql"].values()}) == 15


def test_a_journal_is_read_as_it_was_written(before, manager):
    with manager.acting():
        book = JournalBook(manager.backend)
        read = {name: dict(book.find(name).journal.write()) for name in before.facts["rotations"]}
    assert read == {name: facts["journal"] for name, facts in before.facts["rotations"].items()}


def test_a_rotation_in_any_phase_is_finished_with_the_value_that_the_target_takes(before, manager):
    left = []
    with manager.acting():
        for name, facts in before.facts["rotations"].items():
            resumed = Resumed(manager, name, facts)
            resumed.finish()
            stored = values_of(manager.backend, name)
            if is_open(manager.backend, name) or stored[CURRENT] != resumed.target.value or PENDING in stored:
                left.append(name)
            elif resumed.rotate() != steps.PROMOTED:
                left.append(name + " (the next rotation)")
    assert not left


class ResumedPostgresql:
    """A stored rotation of a PostgreSQL role, and the passwords that the server has."""

    def __init__(self, manager, name, facts):
        self.now = datetime.fromisoformat(facts["now"])
        self.manager = CredentialManager(manager.backend, clock=lambda: self.now)
        self.passwords = dict(facts["passwords"])
        if facts["phase"] == phases.LOST:
            self.passwords["app"] = facts["values"][CURRENT]
        server = {"host": "127.0.0.1", "admin_user": "admin", "admin_password": "admin-word", "database": "postgres"}
        if facts["usernames"]:
            server["usernames"] = facts["usernames"]
        self.name, self.options = name, {"name": name, "target": "postgresql", "postgresql": server}

    def run(self, **options):
        self.now += timedelta(seconds=LONG_AFTER)
        step = self._perform({}, options)
        while step["kind"] != steps.DONE:
            outcome = self._send(step) if step["kind"] == steps.APPLY else self._answer(step)
            step = self._perform({"ticket": step["ticket"], "outcome": outcome}, options)

    def _perform(self, step, options):
        return perform(self.manager, "credential_rotate", dict(self.options, step=step, **options), NOBODY).result["step"]

    def _send(self, step):
        role, password = role_and_password(step)
        self.passwords[role] = password
        return steps.APPLIED

    def _answer(self, step):
        role, password = role_and_password(step)
        return steps.ACCEPTED if self.passwords.get(role) == password else steps.REFUSED


def role_and_password(step):
    fields = handover.decode_value(step["value"]).fields
    return fields["username"].expose().decode(), fields["password"].expose().decode()


def is_taken(manager, resumed):
    fields = manager.backend.get(resumed.name).fields
    return resumed.passwords[fields["username"].expose().decode()] == fields["password"].expose().decode()


def test_a_postgresql_rotation_in_any_phase_is_finished_and_rotated_again(before, manager):
    left = []
    for name, facts in before.facts["postgresql"].items():
        resumed = ResumedPostgresql(manager, name, facts)
        for _each in range(6):
            with suppress(RotationFailed):
                resumed.run(phase="settle")
        with manager.acting():
            if is_open(manager.backend, name) or not is_taken(manager, resumed):
                left.append(name)
        before_password = dict(resumed.passwords)
        resumed.run()
        with manager.acting():
            if resumed.passwords == before_password or not is_taken(manager, resumed):
                left.append(name + " (the next rotation)")
    assert not left
