# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task with many credentials that is broken off, by its time limit or by Ctrl-C, with a session and without one.

Each request takes a fifth of a second, so that all of them would take much longer than the time limit on any machine.
"""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from tests.integration.session_runs import eventually
from tests.integration.vault_store import VaultStore
from tests.servers import front, once

pytestmark = pytest.mark.server
MANY = 400


@pytest.fixture
def slow(project):
    """A store behind a server that takes a fifth of a second for each request, the project's default."""
    store = VaultStore(once.openbao())
    with front.running(store.server.url) as before:
        before.refuses = lambda _number, _request: time.sleep(0.2)
        options = {**store.configured(), "backend": "vault", "audit": "off", "encrypt": False, "url": before.url, "write_timeout": 120}
        project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": options}}))
        project.write("ansible.cfg", "[defaults]\n")
        store.before = before
        yield store


def names_in(store):
    return {row.name for row in store.manager(encrypt=False).list(Filter(prefix="many/"))}


def write_many(**more):
    """Two tasks: the first one starts the session."""
    wanted = [{"name": "many/{0:03d}".format(number), "value": "v4lue"} for number in range(MANY)]
    tasks = [
        {"name": "one", "nebula.credential.credential": {"name": "first", "value": "v4lue"}},
        {"name": "many", "nebula.credential.credential": {"credentials": wanted}, **more},
    ]
    return json.dumps(tasks)


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_time_limit_of_the_task_stops_it_and_a_warning_names_what_it_has_changed(project, slow, session):
    run = project.play(write_many(timeout=5), NEBULA_CREDENTIAL_SESSION=session)
    assert "Timed out" in run.failed()
    warned = re.search(r"broken off\. It had changed (\d+) credentials", re.sub(r"\s+", " ", run.output))
    assert warned, run.output
    written = names_in(slow)
    assert len(written) == int(warned.group(1)) < MANY
    assert {name for name in written if name not in re.sub(r"\s", "", run.output)} == set()


@pytest.mark.parametrize("session", ["true", "false"])
def test_ctrl_c_stops_it(project, slow, session):
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": json.loads(write_many())}]
    started = project.start("ansible-playbook", str(project.write("play.yml", json.dumps(play))), NEBULA_CREDENTIAL_SESSION=session)
    eventually(lambda: slow.before.asked > 30, "nothing was written")
    started.send_signal(signal.SIGINT)
    project.finish(started)
    assert 0 < len(names_in(slow)) < MANY
