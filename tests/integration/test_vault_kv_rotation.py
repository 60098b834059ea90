# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations in a store of Vault that are killed at every request: a later run always goes on, and no value is lost."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.integration.killing import PROFILE
from tests.integration.vault_store import VaultStore
from tests.servers import once
from tests.unit.store.managing import ask

MOST = 300
STEPS = {False: 1, True: 1} if PROFILE == "long" else {False: 3, True: 5}
"""Every so many requests are tried, without and with envelopes: a rotation makes about 15 plain ones, about 25 with them."""
OLD = "the old value"


def rotate(manager):
    return ask(manager, "credential_rotate", name="db", target="none").result


def dies(work, at, afterwards):
    """Do `work` in a process of its own that dies before, or right after, its request number `at`; whether it came to that."""
    pid = os.fork()
    if pid == 0:
        try:
            count, original = [0], Kv2Requests._request

            def request(self, *arguments, **named):
                count[0] += 1
                if count[0] == at and not afterwards:
                    os.kill(os.getpid(), signal.SIGKILL)
                answer = original(self, *arguments, **named)
                if count[0] == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            Kv2Requests._request = request
            work()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("afterwards", [False, True])
def test_a_rotation_killed_at_any_request_is_finished_by_the_next_run(encrypt, afterwards):
    """The old value or the new one is current all the while, and the journal can be read."""
    at = 0
    while at < MOST:
        at += STEPS[encrypt]
        store = VaultStore(once.openbao(), encrypt=encrypt)
        ask(store.manager(), "credential", name="db", state="present", type="basic", fields={"username": "app"}, value=OLD)
        if not dies(lambda: rotate(store.manager()), at, afterwards):  # noqa: B023  # done before the next one
            break
        manager = store.manager()
        between = manager.token("db")
        if between != Secret(OLD):
            assert len(between) == 32
        rotate(manager)
        found = manager.get("db")
        assert (found.record.type, found.metadata.lifecycle) == ("basic", "active")
        assert found.fields["password"] != Secret(OLD)
        assert ask(manager, "credential_rotate", name="db", phase="status").result["rotation"]["phase"] is None
    assert 10 < at < MOST
