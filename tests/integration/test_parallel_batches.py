# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batches on servers: how many requests are in flight, in how many rounds, on a server that throttles, and in a process that is killed.

A proxy holds requests until as many as expected are there at the same time, so no time is measured.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import StateEnforcer
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import HARNESSES, KINDS
from tests.conftest import PROFILE
from tests.integration.database_servers import store_on
from tests.integration.killing import killed_at_random
from tests.servers import databases, front, once
from tests.servers.scripted import Answer
from tests.unit.store.managing import ask

pytestmark = pytest.mark.server
LONG = {"read_timeout": 120.0, "write_timeout": 120.0}
"""A held request must not end by its time limit on a busy machine."""
NAMES = ["n{0:03d}".format(each) for each in range(100)]
KILLS = 20 if PROFILE == "long" else 2
SERVED = [kind for kind in KINDS if kind.server is not None and not HARNESSES[kind.backend].is_challenged]
PLAIN = [kind for kind in SERVED if not kind.encrypted and not kind.label.endswith("kv1")]
"""A store per server. An encrypted one has the same threads."""


class On:
    """A store on a server behind a front, and the same store without it."""

    def __init__(self, kind, directory, before):
        self.before = before
        self._configure = lambda **options: kind.configuration(directory, audit="off", **LONG, **options)
        self._address = HARNESSES[kind.backend].address

    def manager(self, **options):
        return open_store(self._configure(**{self._address: self.before.url}, **options), name="prod")

    def fill(self, names, value="one"):
        manager = open_store(self._configure(parallel=32), name="prod")
        write(manager, names, value=value)
        manager.close()


FRONTED = [kind for kind in PLAIN if HARNESSES[kind.backend].speaks_http and not backend_class(kind.backend).capabilities.batch_get]


@pytest.fixture(params=FRONTED, ids=lambda kind: kind.label)
def on(request, tmp_path):
    address = request.param.options(tmp_path)[HARNESSES[request.param.backend].address]
    verify = str(once.server(request.param.server).ca_cert) if address.startswith("https:") else None
    with front.running(address, verify) as before:
        yield On(request.param, tmp_path, before)


def write(manager, names, **more):
    result = ask(manager, "credential", credentials=[{"name": name, **more} for name in names]).result
    assert not result["failed"], result
    return result


def test_a_hundred_values_are_read_in_thirteen_rounds(on):
    on.fill(NAMES)
    manager = on.manager()
    on.before.hold(8, 100)
    assert ask(manager, "get_many", names=NAMES).result["values"] == dict.fromkeys(NAMES, "one")
    assert (on.before.asked, on.before.most, on.before.rounds) == (100, 8, 13)


def test_a_batch_that_begins_without_a_login_logs_in_once(counted):
    counted.fill(*NAMES[:20])
    manager = open_store(counted.configured(**LONG), name="prod")
    assert len(ask(manager, "get_many", names=NAMES[:20]).result["values"]) == 20
    manager.close()
    assert (counted.logins(), counted.reads()) == (1, dict.fromkeys(NAMES[:20], 1))


def test_two_hundred_credentials_are_described_in_twenty_five_rounds(on):
    names = [*NAMES, *("m" + name for name in NAMES)]
    on.fill(names)
    manager = on.manager()
    on.before.hold(8, 200)
    assert [row["name"] for row in ask(manager, "credential_info", names=names).result["credentials"]] == names
    assert (on.before.asked, on.before.most, on.before.rounds) == (200, 8, 25)


def test_a_hundred_unchanged_credentials_take_thirteen_rounds(on):
    on.fill(NAMES)
    manager = on.manager()
    on.before.hold(8, 100)
    assert not write(manager, NAMES, value="one")["changed"]
    assert (on.before.asked, on.before.most, on.before.rounds) == (100, 8, 13)


@pytest.mark.parametrize("wanted", [{"value": "one"}, {"value": "two"}, {"state": "absent"}], ids=["new", "update", "absent"])
def test_writes_are_eight_in_flight_and_take_as_many_requests_as_one_after_the_other(on, wanted):
    asked = {}
    for parallel, names in ((1, NAMES[:20]), (8, NAMES[20:40])):
        if wanted != {"value": "one"}:
            on.fill(names)
        manager = on.manager(parallel=parallel)
        on.before.hold(parallel, parallel if parallel > 1 else 0)
        assert write(manager, names, **wanted)["changed"]
        asked[parallel] = on.before.asked
        assert on.before.most == parallel
    assert asked[8] == asked[1]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_throttles_a_third_of_all_requests_gets_everything_done(on, status):
    """A refused request is made again, fewer are in flight, and no result shows it.

    Drawn, because a write of three requests would never end if each third one were refused.
    """
    limits, draw = [], random.Random(status)

    def refuse(_number, _request):
        limits.append(manager.parallelism.limit)
        return Answer(status, {"errors": ["no"]}, {"Retry-After": "0"}) if draw.random() < 1 / 3 else None

    manager = on.manager(base_delay=0.001, max_delay=0.01, max_retries=20)
    on.before.refuses = refuse
    for value, changed in (("one", True), ("one", False), ("two", True)):
        result = write(manager, NAMES[:6], value=value)
        assert [(row["name"], row["changed"]) for row in result["results"]] == [(name, changed) for name in NAMES[:6]]
        assert ask(manager, "get_many", names=NAMES[:6]).result["values"] == dict.fromkeys(NAMES[:6], value)
    assert {row["changed"] for row in write(manager, NAMES[:6], state="absent")["results"]} == {True}
    assert min(limits) < 8
    on.before.refuses = lambda _number, _request: None
    write(manager, NAMES, value="three")
    assert manager.parallelism.limit > min(limits)


def read_statements(server, prefix, since):
    """The statements about a store that the server has logged since."""
    said = server.log.read_bytes()[since:].decode("utf-8", "replace")
    return [line for line in said.splitlines() if prefix in line]


def test_a_database_reads_a_batch_in_one_statement(tmp_path):
    """What is unchanged is read, and nothing else; so is what is described."""
    server, prefix = once.server("postgresql"), databases.prefix(tmp_path)
    manager = store_on(server, prefix, encrypt=False, allow_plaintext=True, **LONG)
    write(manager, NAMES, value="one")
    since = server.log.stat().st_size
    assert not write(manager, NAMES, value="one")["changed"]
    assert len(ask(manager, "credential_info", names=NAMES).result["credentials"]) == 100
    manager.close()
    found = [re.findall("SELECT|INSERT|UPDATE|DELETE", line) for line in read_statements(server, prefix, since)]
    assert [word for words in found for word in words] == ["SELECT", "SELECT"]


def pair(number):
    return {"username": "u{0}".format(number), "password": "p{0}".format(number)}


def write_until_killed(manager, told, number):
    """Write a batch, and tell each credential that is acknowledged."""
    ensure = StateEnforcer.ensure_present

    def telling(ensurer, wanted, *arguments, **named):
        done = ensure(ensurer, wanted, *arguments, **named)
        os.write(told, "{0}\n".format(wanted.name).encode())
        return done

    StateEnforcer.ensure_present = telling
    write(manager, NAMES, type="basic", fields=pair(number))
    os.write(told, b"all\n" * 100)
    while True:
        pass


@pytest.mark.parametrize("kind", PLAIN if PROFILE == "long" else PLAIN[:1] + PLAIN[-1:], ids=lambda kind: kind.label)
def test_of_a_batch_that_is_killed_each_credential_is_whole_or_not_there(kind, tmp_path):
    """Each is the one before or the one that was being written; what was acknowledged is there; the next run does the rest."""
    configured = kind.configuration(tmp_path, audit="off", **LONG)
    for number in range(1, KILLS + 1):
        told = killed_at_random(number, lambda told, number=number: write_until_killed(open_store(configured), told, number), lines=60)
        manager = open_store(configured)
        for name in NAMES:
            try:
                found = {field: value.expose().decode() for field, value in manager.get(name).fields.items()}
            except NotFound:
                assert number == 1
                assert name not in told
                continue
            assert found in ([pair(number)] if name in told or number == 1 else [pair(number - 1), pair(number)]), name
        write(manager, NAMES, type="basic", fields=pair(number))
        assert all(manager.get(name).fields["password"].expose() == "p{0}".format(number).encode() for name in NAMES)
        manager.close()
