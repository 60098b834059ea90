# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vault is asked as seldom as the guarantees allow: a write is a read and a write, and a run logs in once."""

from __future__ import annotations

import json

import pytest

from tests.conformance.records import a_record
from tests.integration.azure_store import AzureStore
from tests.integration.counted import VALUE
from tests.integration.overtaken_writes import CHANGES, OUTCOMES, WRITES, overtake
from tests.integration.test_session_counts import hosts, play, sees
from tests.integration.write_requests import check_counts
from tests.servers import once

pytestmark = pytest.mark.server
NAMES = ["s{0}".format(number) for number in range(10)]


@pytest.fixture
def server():
    return once.server("azure_vault")


def test_a_put_over_a_value_is_a_read_and_a_write(server):
    """The read compares, since Key Vault does not."""
    store = AzureStore(server)
    backend = store.backend()
    backend.connect()
    first = backend.put(a_record("db"), create=True)
    secret = "/secrets/" + store.prefix + "db"
    assert store.asked(lambda: backend.put(a_record("db", "2"), first.etag)) == [
        "GET {0}/ 200".format(secret),
        "PUT {0} 200".format(secret),
    ]
    assert store.asked(lambda: backend.get("db")) == ["GET {0}/ 200".format(secret)]


def test_each_state_of_the_module_makes_so_many_requests(server):
    check_counts(AzureStore(server), 4, 1, 3, 3, 3, 3, 3, 18, 2, 4, 18, 4, 17)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_that_was_overtaken_after_its_read_undoes_nothing(server, monkeypatch, change, write):
    assert overtake(AzureStore(server), monkeypatch, change, write) == OUTCOMES[change][write]


def in_a_run(project, server, tasks):
    """How often secrets are read in a run on ten hosts, how often the vault is asked without a token, and how many tokens are issued."""
    store = AzureStore(server)
    for name in NAMES:
        store.set(name, VALUE + name)
    config = {"backend": "azure", "audit": "off", **store.configured()}
    project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": config}}))
    project.write("ansible.cfg", "[defaults]\n")
    hosts(project, 10)
    start = len(server.requests())
    play(project, tasks, forks=10)
    made = [each.split()[1:3] for each in server.requests()[start:]]
    reads = sum(path.startswith("/secrets/") and status == "200" for path, status in made)
    return reads, sum(status == "401" for _path, status in made), sum("/oauth2/" in path for path, _status in made)


def test_a_batch_of_ten_names_on_ten_hosts_is_ten_reads_and_one_token(project, server):
    that = "lookup('nebula.credential.get_many', *{0}) | length == 10".format(NAMES)
    task = '{{name: read, ansible.builtin.assert: {{that: "{0}", quiet: true}}}}'.format(that)
    assert in_a_run(project, server, [task]) == (10, 1, 1)


def test_ten_lookups_on_ten_hosts_are_ten_reads_and_one_token(project, server):
    assert in_a_run(project, server, [sees(name, VALUE + name) for name in NAMES]) == (10, 1, 1)
