# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may read a credential and not write it, on real servers: the value while it is unexpired, else which right is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import Wanted
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.integration.kube_store import KubeStore
from tests.integration.vault_store import VaultStore
from tests.servers import once, tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import CLOCK, NAME, SOON, text

pytestmark = pytest.mark.server
HOUR = timedelta(hours=1)


@pytest.fixture
def service(monkeypatch):
    refreshing.register(monkeypatch)
    with tokens.running() as running:
        yield running


def vault():
    store = VaultStore(once.openbao())
    return store, store.backend(auth=store.reads()), 'path "secret/metadata/{0}/api" {{ capabilities = ["patch"] }}'.format(store.prefix)


def kubernetes():
    store = KubeStore(once.kubernetes())
    return store, store.backend(api_key=store.account("get", "list")), "'update' secrets in the namespace"


@pytest.mark.parametrize("server", [vault, kubernetes])
def test_a_login_that_may_only_read_is_told_which_right_a_refresh_needs(service, server):
    store, reading, right = server()
    fields = {"access_token": Secret("a-0"), "refresh_token": Secret(tokens.FIRST), "url": Secret(service.url)}
    wanted = Wanted(NAME, type="test_token", fields=fields, expires_at=CLOCK() + SOON)
    CLOCK.ahead -= HOUR
    CredentialManager(store.backend(), clock=CLOCK).create(wanted)
    CLOCK.ahead += HOUR
    assert text(CredentialManager(reading, clock=CLOCK).token(NAME)) == "a-0"
    CLOCK.ahead += HOUR
    with pytest.raises(AccessDenied, match="a refresh has to be written, which this login may not do") as caught:
        CredentialManager(reading, clock=CLOCK).token(NAME)
    assert right in str(caught.value)
    assert service.calls == []
    assert text(CredentialManager(store.backend(), clock=CLOCK).token(NAME)) == "a-1"
