# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session that is idle ends, unless somebody comes at that very moment: what he is given has to be kept."""

from __future__ import annotations

import json
import os
import socket

import pytest

from ansible_collections.nebula.credential.plugins.lookup import get
from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import read_start_time
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.session import Session


@pytest.fixture
def place(base):
    """Where a session may be."""
    return Place(str(base))


@pytest.fixture
def session(place):
    """One that is idle as soon as nobody asks."""
    lock = os.open(place.lock, os.O_RDWR | os.O_CREAT, 0o600)
    run = (os.getpid(), read_start_time(os.getpid()))
    found = Session({"run": run, "directory": place.directory, "lock": lock, "options": {"idle": -1.0}, "configuration": None})
    found._premises.release_start_lock()
    yield found
    found.close()


def connected(place):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place.socket)
    return connection


def test_it_ends_where_nobody_is_there(session, place):
    assert session._is_idle()
    assert not os.path.exists(place.socket)
    # Whoever comes now waits for it to be gone, and starts another.
    assert get.is_locked(place.lock)


def test_it_stays_for_who_has_just_come(session, place):
    with connected(place) as caller:
        assert not session._is_idle()
        content = json.dumps({"forget": ["a"]}).encode()
        caller.sendall(get.LENGTH.pack(len(content)) + content)
        session._serving.step()
        assert json.loads(get._receive_reply(caller)) == {"result": {"forgotten": 0}}
    with connected(place):
        assert not get.is_locked(place.lock)
