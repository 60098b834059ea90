# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many requests a migration makes at a server, how many are in flight, and that values do not pile up in memory."""

from __future__ import annotations

import tracemalloc
from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.migration.migration import Migration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import HARNESSES, KINDS
from tests.integration.migrated import CALLER, PATIENT, migrate
from tests.servers import front, once

ONCE = 3
"""The requests of a migration that are about no credential, at most."""
NAMES = ["n{0:02d}".format(number) for number in range(16)]
COUNTED = [kind for kind in KINDS if "migration" in kind.most]
HELD = [kind for kind in COUNTED if not kind.encrypted and not backend_class(kind.backend).capabilities.batch_get]
"""Servers that take HTTP: what stands in front of them can hold a request."""


@pytest.fixture
def source(tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "source"), "audit": "off"}, name="source")) as manager:
        for name in NAMES:
            manager.create(DesiredCredential(name, value=Secret("value of " + name)), CALLER)
        yield manager


@pytest.mark.server
@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.label)
def test_a_credential_that_the_destination_does_not_have_takes_few_requests(kind, source, tmp_path):
    """Written and read again. What is read of the stores themselves, and a login, are read once."""
    with closing(open_store(kind.configuration(tmp_path, **PATIENT), name="destination")) as destination:
        assert migrate(source, destination, names=NAMES[:1]).get("msg") is None
        before = kind.requests(tmp_path)
        assert migrate(source, destination, names=NAMES[1:]).get("msg") is None
        each = (kind.requests(tmp_path) - before) / len(NAMES[1:])
        assert each <= kind.most["migration"] + ONCE / len(NAMES[1:]), each


@pytest.mark.server
@pytest.mark.parametrize("kind", HELD, ids=lambda kind: kind.label)
def test_eight_credentials_are_in_flight(kind, source, tmp_path, monkeypatch):
    address = HARNESSES[kind.backend].address
    url = kind.options(tmp_path)[address]
    verify = str(once.server(kind.server).ca_cert) if url.startswith("https:") else None
    with front.running(url, verify) as before:
        configured = kind.configuration(tmp_path, **PATIENT, **{address: before.url})
        with closing(open_store(configured, name="destination")) as destination:
            # What is read of the stores themselves is read once, before the credentials.
            monkeypatch.setattr(Migration, "run", lambda *arguments, run=Migration.run: before.hold(8, 8) or run(*arguments))
            assert migrate(source, destination, names=NAMES).get("msg") is None
            assert before.most == 8


def test_values_are_in_memory_only_while_they_are_copied(tmp_path):
    """The values have 16 MiB together; the migration takes a fraction of that."""
    size, number = 128 * 1024, 128
    options = {"backend": "local", "encrypt": False, "allow_plaintext": True, "format": "json", "audit": "off"}
    with closing(open_store({**options, "path": str(tmp_path / "here")})) as here:
        for each in range(number):
            here.create(DesiredCredential("n{0:03d}".format(each), value=Secret("x" * size)), CALLER)
        with closing(open_store({**options, "path": str(tmp_path / "there")})) as there:
            tracemalloc.start()
            done = migrate(here, there)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert (done.get("msg"), done["counts"]["created"]) == (None, number)
    assert peak < size * number / 3, peak
