# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KV version 2 takes a value and its metadata in two requests: an import that ends between them shows no old password."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2 import Kv2
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from tests.backends.discovery import KINDS
from tests.conformance.portables import CALLER, KEY, LOCAL, VALUES, Killed, fill, import_whole

KV2 = next(kind for kind in KINDS if kind.label == "vault-kv2")


@pytest.fixture
def portable(tmp_path):
    with acting_as(CALLER), closing(LOCAL.open(tmp_path)) as source:
        fill(source)
        yield read_portable(source, "db_pass", "source", "default")


@pytest.fixture
def backend(tmp_path, portable):
    with closing(KV2.open(tmp_path)) as opened:
        yield opened


def import_until_killed(directory, portable, deadly, monkeypatch):
    """Import by a writer of its own, which is killed before it describes its current value number `deadly`, counted from 0.

    What a killed process owes is lost with it, so nothing of this writer is used again.
    """
    calls, describe = [], Kv2._describe

    def kill(*arguments, **options):
        if arguments[2].stage == "current":
            calls.append(None)
        if len(calls) > deadly:
            raise Killed
        return describe(*arguments, **options)

    with monkeypatch.context() as patched, closing(KV2.open(directory)) as writer:
        patched.setattr(Kv2, "_describe", kill)
        with pytest.raises(Killed):
            import_whole(writer, portable)


def test_a_version_that_its_writer_could_not_describe_is_not_read_either(backend, portable, tmp_path, monkeypatch):
    """KV version 2 takes a value and its metadata in two requests. The writer is killed between them, at each version."""
    for deadly in range(len(VALUES)):
        import_until_killed(tmp_path, portable, deadly, monkeypatch)
        with pytest.raises(Unusable):
            Reader(backend).get("db_pass")
        import_whole(backend, portable)
        there = read_portable(backend, "db_pass", "destination", "default")
        assert there.digest(KEY, "default") == portable.digest(KEY, "default")
        for stage in (PREVIOUS, CURRENT):
            with suppress(NotFound):
                backend.delete("db_pass", stage=stage)


def test_a_single_version_that_its_writer_could_not_describe_is_described_by_the_next_import(backend, portable, tmp_path, monkeypatch):
    """Its value is the source's, and nobody has changed it. Another value without metadata is another tool's, and stays."""
    single = replace(portable, versions=portable.versions[-1:], previous=None)
    import_until_killed(tmp_path, single, 0, monkeypatch)
    import_whole(backend, single)
    there = read_portable(backend, "db_pass", "destination", "default")
    assert there.digest(KEY, "default") == single.digest(KEY, "default")


def test_a_value_of_another_tool_is_not_replaced(backend, portable):
    backend._requests.write(backend._location.place("db_pass", CURRENT), {"password": "mine"}, 0)
    with pytest.raises(Duplicate):
        import_whole(backend, portable)
