# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server refuses any one request of a write, or its response is lost, alone and while another run changes the same credential."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.backends.discovery import HARNESSES, KINDS
from tests.conformance.store_kind import locking
from tests.conformance.test_lost_updates import CHANGES, WRITES, Overtaken, fill
from tests.conftest import PROFILE
from tests.servers import front, once
from tests.servers.scripted import Answer

pytestmark = pytest.mark.server
LIMIT = 120.0
"""Seconds for each operation. Its repeats do not wait."""
NAME = "db"
LONG = PROFILE == "long"


def can_be_fronted(kind):
    harness = HARNESSES[kind.backend]
    return harness.front is not None or (harness.speaks_http and not harness.is_challenged)


FRONTED = [
    kind
    for kind in KINDS
    if kind.server is not None and kind.configurable and can_be_fronted(kind)
    if LONG or not (kind.encrypted or kind.wrap is locking)
    if backend_class(kind.backend).capabilities.remote
    if LONG or (HARNESSES[kind.backend].front is None and not backend_class(kind.backend).capabilities.batch_get)
]
MAKE = {**{name: make for name, (make, _holds) in CHANGES.items()}, "value": lambda manager: put(manager, "theirs")}
NEW = ("value", "scope", "promote")
"""The writes that store the value `two`."""


def put(manager, value):
    manager.ensure(DesiredCredential(NAME, value=Secret(value)))


class Watching(Layer):
    """Remember the current value that was read last."""

    seen = None

    def get(self, name, version=None, stage=CURRENT):
        found = self.inner.get(name, version, stage)
        self.seen = found if stage == CURRENT else self.seen
        return found


class On:
    """A store on a server behind a front, and the same store without it."""

    def __init__(self, kind, directory, before, options):
        self.before = before
        self.direct = self._open(kind, directory)
        self.behind = self._open(kind, directory, **options)

    @staticmethod
    def _open(kind, directory, **options):
        through = replace(kind, options=lambda place: {**kind.options(place), **options})
        raw = through.raw(directory)
        backend = kind.wrap(TimeLimits(Retry(raw, raw.default_retries, sleep=lambda _seconds: None), LIMIT, LIMIT))
        backend.connect()
        return backend

    def fill(self):
        fill(self.direct)
        self.behind.versions(NAME)

    def empty(self):
        for stage in (PENDING, CURRENT):
            with contextlib.suppress(NotFound):
                self.direct.delete(NAME, stage=stage)

    def close(self):
        self.direct.close()
        self.behind.close()

    def write(self, write, at, disturb, change=None):
        """Make a write whose request number `at` is answered by `disturb`. Return its error, or None, and how many requests it made.

        `change` is made once between the reads of the write and the write.
        """
        self.before.hold(1, 0)
        self.before.refuses = lambda number, request: disturb(request) if number == at else None
        try:
            self.watching = Watching(Overtaken(self.behind, change))
            write(CredentialManager(self.watching))
            return None, self.before.asked
        except CredentialError as error:
            return error, self.before.asked
        finally:
            self.before.refuses = lambda _number, _request: None

    def read(self):
        try:
            return self.direct.get(NAME)
        except NotFound:
            return None

    def values(self):
        """Return all values, newest first."""
        values = []
        for info in self.direct.versions(NAME):
            with contextlib.suppress(NotFound):  # the mark of a delete that was taken back
                values.extend(field.expose() for key, field in self.direct.get(NAME, info.version).fields.items() if key != "username")
        return values


@contextlib.contextmanager
def put_front(kind, directory):
    """What stands before the server of a kind, and the options of a store that lead there."""
    harness = HARNESSES[kind.backend]
    if harness.front is not None:
        with harness.front() as found:
            yield found
        return
    address = kind.options(directory)[harness.address]
    with front.running(address, str(once.server(kind.server).ca_cert) if address.startswith("https:") else None) as before:
        yield before, {harness.address: before.url}


def compares(kind, directory):
    return kind.raw(directory).capabilities.native_cas


@pytest.fixture(params=FRONTED, ids=lambda kind: kind.label)
def on(request, tmp_path):
    kind = request.param
    with contextlib.ExitStack() as stack:
        before, options = stack.enter_context(put_front(kind, tmp_path))
        store = On(kind, tmp_path, before, options)
        store.compares = compares(kind, tmp_path)
        yield store
        store.close()


def refuse(_before, _request):
    return Answer(429, {"errors": ["no"]}, {"Retry-After": "0"})


def fail(_before, _request):
    return Answer(503, {"errors": ["no"]})


def lose(before, request):
    before.pass_on(request)
    return Answer(hangs_up=True)


@pytest.mark.parametrize("disturb", [refuse, lose] if LONG else [refuse])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_is_disturbed_once_has_the_same_result(on, write, disturb):
    def outcome(found):
        if found is None:
            return None
        known = found.full_metadata
        parts = (known.lifecycle, known.description, known.scope, known.expires_at, known.tags, [each.event for each in known.history])
        return on.values(), parts, found.revision, found.version is not None, found.serial is not None

    on.fill()
    assert on.write(WRITES[write], 0, None)[0] is None
    wanted = outcome(on.read())
    for at in itertools.count(1):
        on.empty()
        on.fill()
        problem, asked = on.write(WRITES[write], at, lambda request: disturb(on.before, request))
        assert (at, problem, outcome(on.read())) == (at, None, wanted)
        if asked < at:
            break


AGAINST = [
    *((write, change) for write in (WRITES if LONG else ("value", "promote", "delete")) for change in (MAKE if LONG else ("expiry",))),
    *([] if LONG else [("value", "value")]),
]


@pytest.mark.parametrize("disturb", [refuse, fail, lose] if LONG else [refuse])
@pytest.mark.parametrize("moment", ["before the write", "at the disturbed request"])
@pytest.mark.parametrize(("write", "change"), AGAINST)
def test_no_write_undoes_a_change_of_another_run_where_one_request_is_disturbed(on, write, change, moment, disturb):
    if not on.compares:
        pytest.skip("another run waits for the lock of the write")

    def overtake(_manager=None):
        try:
            MAKE[change](CredentialManager(on.direct))
            made.append(True)
        except CredentialError:
            pass  # both may lose

    def meet(request):
        answer = disturb(on.before, request)
        if moment == "at the disturbed request":
            overtake()
        return answer

    for at in itertools.count(1):
        on.empty()
        on.fill()
        made = []
        problem, asked = on.write(WRITES[write], at, meet, None if moment == "at the disturbed request" else overtake)
        check(on, write, change, made, (at, problem))
        if asked < at:
            break


def check(on, write, change, made, case):
    """Check what is stored after a write and a change, of which the change was made or not, and the write failed or not."""
    _at, problem = case
    found = on.read()
    if found is None:
        assert write == "delete", case
        return
    values = on.values()
    if made and change == "value":
        assert b"theirs" in values, case
    if made and change in CHANGES and (write, change) != ("scope", "scope"):
        holds = CHANGES[change][1]
        # This promotion sets state and dates by itself, whatever it has read.
        assert holds(found.full_metadata) or (write == "promote" and holds(on.watching.seen.full_metadata)), case
    if write in NEW and write != "promote" and problem is None:
        assert b"two" in values, case
    if write in NEW and isinstance(problem, Conflict) and not problem.outcome_unknown:
        assert values[0] != b"two", case
