# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KV version 2 as the source and the destination of an import.

It takes a value and its metadata in two requests: an import that ends between them shows no old password. It also shows secrets that
other tools wrote, which have no id of ours.
"""

from __future__ import annotations

from contextlib import closing, suppress

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2 import Kv2
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from tests.backends.discovery import KINDS
from tests.conformance.portables import CALLER, KEY, LOCAL, VALUES, Killed, fill, import_whole
from tests.conformance.records import value_of
from tests.integration.vault_store import VaultStore
from tests.servers import once

KV2 = next(kind for kind in KINDS if kind.label == "vault-kv2")


@pytest.fixture
def portable(tmp_path):
    with acting_as(CALLER), closing(LOCAL.open(tmp_path)) as source:
        fill(source)
        yield read_portable(source, "db_pass", "source", "default")


@pytest.fixture
def store():
    return VaultStore(once.openbao())


@pytest.fixture
def backend(tmp_path, portable):
    with closing(KV2.open(tmp_path)) as opened:
        yield opened


def kill_at(deadly, work):
    """`work`, killed at its call number `deadly` for a current value, counted from 0."""
    calls = []

    def kill(*arguments, **options):
        if arguments[2].stage == "current":
            calls.append(None)
        if len(calls) > deadly:
            raise Killed
        return work(*arguments, **options)

    return kill


def test_a_version_that_its_writer_could_not_describe_is_not_read_either(backend, portable, monkeypatch):
    """KV version 2 takes a value and its metadata in two requests. The writer is killed between them, at each version."""
    described = Kv2._write_description
    for deadly in range(len(VALUES)):
        monkeypatch.setattr(Kv2, "_write_description", kill_at(deadly, described))
        with pytest.raises(Killed):
            import_whole(backend, portable)
        monkeypatch.setattr(Kv2, "_write_description", described)
        with pytest.raises(Unusable):
            Reader(backend).get("db_pass")
        if deadly < len(VALUES) - 1:
            import_whole(backend, portable)
            there = read_portable(backend, "db_pass", "destination", "default")
            assert there.digest(KEY, "default") == portable.digest(KEY, "default")
        else:
            with pytest.raises(Conflict, match="import it anew"):
                import_whole(backend, portable)
        for stage in (PREVIOUS, CURRENT):
            with suppress(NotFound):
                backend.delete("db_pass", stage=stage)


def test_a_move_to_another_url_of_the_same_server_keeps_the_only_copy(store):
    """What another tool wrote has no id of ours, and the URLs differ: nothing shows that both stores are one place."""
    store.bao("put", "db_pass password=s3cret")
    here, there = store.manager(), store.manager(url=store.server.url.replace("127.0.0.1", "localhost"))
    move = {"name": "db_pass", "after": "delete"}
    for check_mode in (True, False):
        with pytest.raises(InvalidInput, match="may be one place under two names"):
            perform(here, "transfer", move, NOBODY, check_mode, beside={"to": there})
    assert perform(here, "transfer", {"name": "db_pass"}, NOBODY, False, beside={"to": there}).result["changed"] is False
    here.update("db_pass", tags={"env": "prod"})
    with pytest.raises(InvalidInput, match="are one place under two names"):
        perform(here, "transfer", move, NOBODY, False, beside={"to": there})
    assert value_of(here.get("db_pass").record) == b"s3cret"


def test_a_move_of_what_another_tool_wrote_deletes_it_after_it_has_arrived(store, tmp_path):
    store.bao("put", "db_pass password=s3cret")
    here = store.manager()
    with closing(open_store({"backend": "local", "path": str(tmp_path / "there")}, name="there")) as there:
        result = perform(here, "transfer", {"name": "db_pass", "after": "delete"}, NOBODY, False, beside={"to": there}).result
        assert result["transfers"]["db_pass"]["deleted"] is True
        assert value_of(there.get("db_pass").record) == b"s3cret"
    with pytest.raises(NotFound):
        here.get("db_pass")
