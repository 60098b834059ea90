# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database server that is killed in mid-write, and many writers at once: nothing that was acknowledged is lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.schema import VERSION
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record, value_of
from tests.integration.database_servers import backend_on
from tests.servers import databases, keeper, mariadb, once, postgresql
from tests.servers.processes import ServerUnavailable
from tests.unit.backends.database.stores import url_in

pytestmark = pytest.mark.server
FORK = multiprocessing.get_context("fork")
# What the shared servers leave out to be quick, and what every server of a user does.
DURABLE = {
    "postgresql": (postgresql, {"fsync": "on", "synchronous_commit": "on"}),
    "mariadb": (mariadb, {"innodb-flush-log-at-trx-commit": "1"}),
}
KILLS = 3


def kill(server):
    """End the server and all its processes at once (PostgreSQL's are each in a session of their own), and wait until they have."""
    family = [server.pid, *children_of(server.pid)]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(server.pid, 0)
    while any(keeper._alive(pid) for pid in family):
        time.sleep(0.01)


def children_of(parent):
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(path.parent.name)


class Writer(threading.Thread):
    """Writes one number after the other under a name of its own, and notes the last one that was acknowledged."""

    def __init__(self, backend, name, number):
        super().__init__()
        self.backend, self.name_written, self.acknowledged, self.offered = backend, name, number, number

    def run(self):
        with contextlib.suppress(CredentialError):
            while True:
                self.offered = self.acknowledged + 1
                self.backend.put(a_record(self.name_written, str(self.offered)))
                self.acknowledged = self.offered


@pytest.mark.parametrize("kind", DURABLE)
def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(kind, tmp_path):
    """Each value is the acknowledged one or the one that was under way; its versions are whole."""
    module, settings = DURABLE[kind]
    prefix, reached = databases.prefix(tmp_path), dict.fromkeys(("a", "b", "c"), 0)
    with contextlib.ExitStack() as servers:
        try:
            server = servers.enter_context(module.running(settings))
        except ServerUnavailable as error:
            from tests.conftest import cannot_run

            cannot_run(str(error))
        backend_on(server, prefix).list()
        for _each in range(KILLS):
            backend = backend_on(server, prefix)
            writers = [Writer(backend, name, number) for name, number in reached.items()]
            for writer in writers:
                writer.start()
            first = writers[0]
            while first.is_alive() and first.acknowledged < reached["a"] + 12:
                first.join(0.005)
            kill(server)
            for writer in writers:
                writer.join(60)
            server = servers.enter_context(module.again(server, settings))
            after = backend_on(server, prefix)
            for writer in writers:
                found = after.get(writer.name_written)
                number = int(value_of(found))
                assert writer.acknowledged <= number <= writer.offered
                assert int(found.version) == number
                assert value_of(after.get(writer.name_written, str(number - 1))) == str(number - 1).encode()
                reached[writer.name_written] = number


def increment(backend, times):
    for _each in range(times):
        while True:
            found = backend.get("counter")
            try:
                backend.put(a_record("counter", str(int(value_of(found)) + 1)), found.etag)
                break
            except Conflict:
                continue


def place_of(kind, directory):
    """The options that say where a store of that kind is."""
    if kind == "sqlite":
        return {"url": url_in(directory)}
    return databases.options(once.server(kind), databases.prefix(directory))


def below_the_scope(store):
    """A store's layers from the metrics down: retries, breaker, time limits."""
    backend = store.backend
    while type(backend).__name__ != "Metrics":
        backend = backend.inner
    return backend


@pytest.mark.parametrize("kind", [*DURABLE, "sqlite"])
def test_of_thirty_two_writers_none_loses_an_update(kind, tmp_path):
    """Eight processes of four threads each, through retries as a play has them, and without the breaker."""
    limits = {
        "write_timeout": 240.0,
        "read_timeout": 240.0,
        "breaker_failures": 0,
        "pool": {"max": 4},
        "encrypt": False,
        "allow_plaintext": True,
    }
    config = dict(limits, backend="database", audit="off", **place_of(kind, tmp_path))
    first = below_the_scope(open_store(config))
    first.put(a_record("counter", "0"))

    def work():
        mine = below_the_scope(open_store(config))
        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(increment, mine, 3) for _each in range(4)]:
                done.result()  # a writer that failed ends the process with its error, so that it is not taken for a lost update

    workers = [FORK.Process(target=work) for _each in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(600)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert value_of(first.get("counter")) == b"96"
    assert first.last_serial("counter") == 97
    first.close()


@pytest.mark.parametrize("kind", DURABLE)
def test_of_eight_processes_exactly_one_makes_the_tables(kind, tmp_path):
    server, prefix = once.server(kind), databases.prefix(tmp_path)
    start, made = FORK.Barrier(8), FORK.Queue()

    def work():
        backend = backend_on(server, prefix)
        start.wait(60)
        done = backend.ensure_schema()
        made.put(done.before != done.after)

    workers = [FORK.Process(target=work) for _each in range(8)]
    for worker in workers:
        worker.start()
    assert sum(made.get(timeout=60) for _each in workers) == 1
    for worker in workers:
        worker.join(30)
    backend_on(server, prefix, migration="validate").put(a_record())


@pytest.mark.parametrize("kind", DURABLE)
def test_tables_that_were_begun_are_finished(kind, tmp_path):
    """Where a statement that makes tables commits by itself, a process that was killed leaves some of them."""
    server, prefix = once.server(kind), databases.prefix(tmp_path)
    backend = backend_on(server, prefix)
    statements = backend.ensure_schema(check=True).statements
    for statement in statements[:6]:
        server.run(statement)
    done = backend.ensure_schema()
    assert (done.before, done.after) == (0, VERSION)
    backend_on(server, prefix, migration="validate").put(a_record())
