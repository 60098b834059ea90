# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value is refreshed in every store that can compare and swap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InteractionRequired, RefreshFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import RefreshStatus
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import CLOCK, DEAD, HOUR, NAME, text

PAST = timedelta(seconds=-1)


@pytest.fixture
def service(monkeypatch):
    refreshing.register(monkeypatch)
    with tokens.running() as running:
        yield running


@pytest.fixture
def manager(backend, service):
    """A store with a credential that has expired."""
    made = CredentialManager(backend, clock=CLOCK)
    fields = {"access_token": Secret("a-0"), "refresh_token": Secret(tokens.FIRST), "url": Secret(service.url)}
    made.create(DesiredCredential(NAME, type="test_token", fields=fields, tags={"env": "prod"}, expires_at=CLOCK() + PAST))
    return made


def test_an_expired_value_is_refreshed_and_keeps_what_was_written_with_it(backend, manager, service):
    if not backend.capabilities.native_cas:
        with pytest.raises(RefreshFailed, match="cannot compare and swap"):
            manager.token(NAME)
        assert service.calls == []
        return
    assert [text(manager.token(NAME)) for _each in range(2)] == ["a-1", "a-1"]
    found = manager.inspect(NAME)
    assert (text(found.fields["access_token"]), text(found.record.state["refresh_token"])) == ("a-0", "r-1")
    assert (found.metadata.lifecycle, found.metadata.tags) == ("active", {"env": "prod"})
    assert [step.event for step in found.metadata.history] == ["begin_direct", "auth_ok", "refresh", "refresh_ok"]
    CLOCK.ahead += 2 * HOUR
    assert text(CredentialManager(backend, clock=CLOCK).token(NAME)) == "a-2"
    assert service.calls == [tokens.FIRST, "r-1"]


def test_a_claim_of_a_dead_process_whose_request_was_sent_is_given_up_for_lost(backend, manager, service):
    if not backend.capabilities.native_cas:
        return
    record: Record = manager.inspect(NAME).record
    attributes = RefreshStatus(holder=DEAD, until=1, sent=True).write(record.full_metadata.attributes)
    backend.patch_metadata(record.with_metadata(lifecycle="refreshing", attributes=attributes), record.revision)
    with pytest.raises(InteractionRequired):
        manager.token(NAME)
    assert (manager.inspect(NAME).metadata.lifecycle, service.calls) == ("failed", [])
