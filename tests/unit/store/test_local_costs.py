# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What calls on an encrypted local store cost: what is synced, opened and parsed, and what a long list keeps in memory."""

from __future__ import annotations

import gc
import os
import sys
from unittest.mock import patch

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope, envelope_metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask

OPENED = None


def _hook(event, arguments):
    if OPENED is not None and event == "open":
        OPENED.append(os.path.basename(str(arguments[0])))


sys.addaudithook(_hook)


@pytest.fixture
def manager(tmp_path):
    opened = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"}, name="local")
    yield opened
    opened.close()


def write(manager, value, name="db"):
    return manager.ensure(DesiredCredential(name, value=Secret(value)))


@pytest.fixture
def parsed(monkeypatch):
    """The contents that are parsed."""
    found, parse = [], envelope._read_body
    monkeypatch.setattr(envelope, "_read_body", lambda body: found.append(body) or parse(body))
    return found


def test_a_write_over_a_value_syncs_twice_what_a_durable_write_does(manager, monkeypatch):
    """That one syncs a file and its directory. Here the older value is durable under its second name first, and the mark at the end."""
    write(manager, "one")
    write(manager, "two")
    synced = []
    for call in ("fsync", "fdatasync"):
        real = getattr(os, call)
        monkeypatch.setattr(os, call, lambda descriptor, real=real: synced.append(descriptor) or real(descriptor))
    write(manager, "three")
    assert len(synced) == 4


def test_a_write_over_a_value_parses_the_old_one_and_the_new_one_once(manager, parsed):
    write(manager, "one")
    write(manager, "two")
    parsed.clear()
    write(manager, "three")
    assert len(parsed) <= 2


def test_a_write_over_a_value_reads_metadata_once(manager, monkeypatch):
    found, read = [], envelope_metadata.read_metadata
    monkeypatch.setattr(envelope, "read_metadata", lambda *given: found.append(given) or read(*given))
    write(manager, "one")
    write(manager, "two")
    found.clear()
    write(manager, "three")
    assert len(found) <= 1


def test_a_list_of_everything_opens_and_parses_each_file_once(manager, parsed, monkeypatch):
    global OPENED  # noqa: PLW0603  # an audit hook cannot be removed
    for number in range(30):
        write(manager, "x", "n{0}".format(number))
    parsed.clear()
    monkeypatch.setattr(envelope, "_MEMORY", envelope._Memory())  # as in another process
    OPENED = opened = []
    try:
        rows = ask(manager, "find").result["credentials"]
    finally:
        OPENED = None
    assert len(rows) == len(parsed) == len([file for file in opened if file.endswith(".enc")]) == 30


def test_a_long_list_keeps_its_rows_and_nothing_that_they_were_read_from(manager, monkeypatch):
    for number in range(2 * envelope.REMEMBERED):
        write(manager, "x", "n{0:03d}".format(number))
    gc.collect()
    before = len([each for each in gc.get_objects() if isinstance(each, Metadata)])
    alive, parsed, parse = [], [], envelope._read_body

    def parse_and_look(body):
        parsed.append(None)
        if len(parsed) % (envelope.REMEMBERED // 4) == 0:  # a look at every object takes long
            alive.append(sum(isinstance(each, Metadata) for each in gc.get_objects()) - before)
        return parse(body)

    monkeypatch.setattr(envelope, "_read_body", parse_and_look)
    assert len(ask(manager, "find").result["credentials"]) == 2 * envelope.REMEMBERED
    assert len(alive) > 4
    assert max(alive) < envelope.REMEMBERED + 10


def test_a_long_list_is_built_without_a_collection_that_visits_all_of_it(manager):
    write(manager, "x")
    before, seen, describe = gc.get_threshold(), [], Credential.describe

    def describe_and_look(credential):
        seen.append(gc.get_threshold())
        return describe(credential)

    with patch.object(Credential, "describe", describe_and_look):
        ask(manager, "find")
    assert [threshold[:2] for threshold in seen] == [before[:2]]
    assert seen[0][2] > 1_000_000
    assert gc.get_threshold() == before
