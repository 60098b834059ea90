# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from tests.servers import scripted
from tests.servers.scripted import Answer


class CountedLock:
    """A lock that knows how many have asked for it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._asked = threading.Semaphore(0)

    def acquire(self, *arguments, **named):
        self._asked.release()
        return self._lock.acquire(*arguments, **named)

    def release(self):
        self._lock.release()

    def wait_for(self, number):
        for _one in range(number):
            assert self._asked.acquire(timeout=60)


def crowded(connection, number):
    """Have that many threads make a request at once; what became of each."""
    outcomes = []

    def ask():
        try:
            outcomes.append(connection.request("GET", "secret/data/x"))
        except LoginFailed as error:
            outcomes.append(error)

    threads = [threading.Thread(target=ask) for _number in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("right", [False, True])
def test_fifty_threads_share_one_login_and_its_failure(right):
    """A wrong password that is tried fifty times locks an account."""
    lock = CountedLock()

    def script(request):
        if request.path != "/v1/auth/userpass/login/me":
            return Answer(200, {"data": {}})
        lock.wait_for(50)
        return Answer(200, {"auth": {"client_token": "s.one"}}) if right else Answer(400, {"errors": ["invalid username or password"]})

    with scripted.running(script) as server:
        auth = {"method": "userpass", "username": "me", "password": "x"}
        connection = Connection({"url": server.url, "auth": auth}, store="prod", warn=lambda _message: None)
        connection._login._lock = lock
        outcomes = crowded(connection, 50)
    assert {type(outcome) for outcome in outcomes} == {Reply if right else LoginFailed}
    assert len(outcomes) == 50
    assert [request.path for request in server.asked].count("/v1/auth/userpass/login/me") == 1
