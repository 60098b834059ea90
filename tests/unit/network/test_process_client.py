# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client that each process opens for itself."""

from __future__ import annotations

import os
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient


class Client:
    closed = 0

    def close(self):
        self.closed += 1


def test_threads_share_one_client_and_a_child_opens_its_own():
    clients, found = ProcessClient(Client), []
    threads = [threading.Thread(target=lambda: found.append(clients.get())) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    child = os.fork()
    if not child:
        os._exit(0 if clients.get() is not found[0] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert clients.get() is found[0]


def test_a_spent_client_is_replaced_once_and_not_closed():
    clients = ProcessClient(Client)
    spent = clients.get()
    renewed = clients.renew(spent)
    assert renewed is not spent
    assert clients.renew(spent) is renewed
    assert (spent.closed, clients.get()) == (0, renewed)


def test_a_login_that_fails_is_tried_again_by_the_next_request():
    results = [Client(), OSError(), Client()]

    def open_client():
        result = results.pop(0)
        if isinstance(result, OSError):
            raise result
        return result

    clients = ProcessClient(open_client)
    with pytest.raises(OSError):
        clients.renew(clients.get())
    assert not clients.is_open
    assert isinstance(clients.get(), Client)


def test_a_closed_client_is_closed_once_and_opened_again():
    clients = ProcessClient(Client)
    clients.close()
    first = clients.get()
    clients.close()
    clients.close()
    assert first.closed == 1
    assert clients.get() is not first
