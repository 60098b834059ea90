# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential type that can be refreshed, its service, and stores that hold one such credential."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InteractionRequired,
    NoRefreshToken,
    RefreshFailed,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import RefreshStatus
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
)
from tests.servers import tokens

NAME = "api"
HOUR = timedelta(hours=1)
SOON = timedelta(seconds=250)
"""Within the margin of a token that lived an hour, and longer than a test takes."""
PAST = timedelta(seconds=-1)
DEAD = "|".join([*holder_of(2**22 + 1).split("|")[:3], "1", "gone"])
"""A process of this machine that does not exist."""
ELSEWHERE = "another machine|boot|1|1|x"


class Clock:
    """The time, moved by as much as a test says."""

    def __init__(self):
        self.ahead = timedelta(0)

    def __call__(self):
        return datetime.now(timezone.utc) + self.ahead


CLOCK = Clock()


class Token(CredentialType):
    """An access token that a refresh token renews at a service's URL."""

    name = "test_token"
    description = "a token of the tests' service"
    primary = "access_token"
    fields = (
        Field("access_token", secret=True),
        Field("refresh_token", secret=True),
        Field("url"),
    )
    capabilities = TypeCapabilities(refresh=True)

    def refresh_token(self, fields, state):
        found = state.get("refresh_token") or fields.get("refresh_token")
        if found is None:
            raise NoRefreshToken("it has no refresh token", remedy="Log in again.")
        return found

    def refresh(self, fields, state):
        token = self.refresh_token(fields, state)
        client = HttpClient()
        response = client.request("POST", text(fields["url"]), json={"refresh_token": text(token)}).check_available()
        client.close()
        if response.status != 200:
            refused = InteractionRequired if response.json.get("error") == "interaction_required" else RefreshFailed
            raise refused("the service refused", remedy="Log in again.")
        answer = response.json
        brought = {name: Secret(answer[name]) for name in ("access_token", "refresh_token") if name in answer}
        return RefreshAnswer({**state, **brought}, CLOCK() + timedelta(seconds=answer["expires_in"]))


class Reusable(Token):
    """One that says that its refresh token may be sent again."""

    name = "test_reusable"
    refresh_is_single_use = False


class MadeByService(Reusable):
    """One whose first token comes from the service, too."""

    name = "test_made"

    def expires_at(self, fields):
        return datetime(1970, 1, 1, tzinfo=timezone.utc)

    def generate(self, options, fields):
        return dict(fields)


def register(monkeypatch):
    monkeypatch.setattr(CLOCK, "ahead", timedelta(0))
    for kind in (Token(), Reusable(), MadeByService()):
        monkeypatch.setitem(registry._TYPES, kind.name, kind)


def text(secret):
    return secret.expose().decode()


class Counting(Layer):
    """Counts what reaches the store; runs what a test wants before and after a write."""

    def __init__(self, inner):
        super().__init__(inner)
        self.writes = []
        self.reads = 0
        self.before = self.after = lambda _write: None

    def get(self, name, version=None, stage="current"):
        self.reads += 1
        return self.inner.get(name, version, stage)

    def put(self, record, expected=None, *, create=False):
        return self._write("put", lambda: self.inner.put(record, expected, create=create))

    def patch_metadata(self, record, expected_revision):
        return self._write("patch", lambda: self.inner.patch_metadata(record, expected_revision))

    def _write(self, write, work):
        self.writes.append(write)
        self.before(write)
        answer = work()
        self.after(write)
        return answer


class World:
    """A store with the credential `api`, and the service that refreshes it."""

    def __init__(self, service, config):
        self.service = service
        self.config = {"audit": "off", **config}
        self.warnings = []
        self.clock = CLOCK
        self.opened = open_store(self.config, name="prod", warn=self.warnings.append)
        self.backend = Counting(self.opened.backend)
        self.manager = self.another()

    def another(self):
        """Another manager of the store, as another process has it, apart from the store's own connections."""
        return CredentialManager(self.backend, store="prod", clock=self.clock)

    def create(self, kind=Token, lives=HOUR, scope=None, **more):
        """Store the credential, as it was written when its token was new; `lives` from now."""
        fields = {"access_token": "a-0", "refresh_token": tokens.FIRST, "url": self.service.url, **more}
        wanted = DesiredCredential(
            NAME, type=kind.name, fields={name: Secret(value) for name, value in fields.items() if value is not None}, scope=scope
        )
        now = self.clock()
        self.clock.ahead -= HOUR
        self.manager.create(replace(wanted, expires_at=now + lives))
        self.clock.ahead += HOUR
        self.backend.writes.clear()

    def token(self, manager=None):
        return text((manager or self.manager).token(NAME))

    @property
    def stored(self):
        return self.manager.inspect(NAME)

    @property
    def state(self):
        return self.stored.metadata.lifecycle

    @property
    def events(self):
        return [step.event for step in self.stored.metadata.history]

    def patch(self, **changes):
        record = self.backend.inner.get(NAME)
        self.backend.inner.patch_metadata(record.with_metadata(**changes), record.revision)


@contextmanager
def world(config=None, rotates=True):
    with tokens.running(rotates) as service:
        made = World(service, {"backend": "memory", **(config or {})})
        yield made
        made.opened.close()


def claim(world, holder=ELSEWHERE, sent=False, until=timedelta(seconds=60), state="refreshing"):
    """Leave the claim of another process."""
    until = int((world.clock() + until).timestamp())
    attributes = RefreshStatus(holder=holder, until=until, sent=sent).write(world.stored.metadata.attributes)
    world.patch(lifecycle=state, attributes=attributes)


def refuse_a_reader(writing, reading, monkeypatch):
    """Read an unexpired value, then an expired one, with a login that may only read; return what its error says."""
    register(monkeypatch)
    with tokens.running() as service:
        fields = {"access_token": Secret("a-0"), "refresh_token": Secret(tokens.FIRST), "url": Secret(service.url)}
        wanted = DesiredCredential(NAME, type=Token.name, fields=fields, expires_at=CLOCK() + SOON)
        CLOCK.ahead -= HOUR
        CredentialManager(writing, clock=CLOCK).create(wanted)
        CLOCK.ahead += HOUR
        assert text(CredentialManager(reading, clock=CLOCK).token(NAME)) == "a-0"
        CLOCK.ahead += HOUR
        with pytest.raises(AccessDenied, match="a refresh has to be written, which this login may not do") as caught:
            CredentialManager(reading, clock=CLOCK).token(NAME)
        assert service.calls == []
        assert text(CredentialManager(writing, clock=CLOCK).token(NAME)) == "a-1"
    return str(caught.value)
