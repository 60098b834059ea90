# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What controllers share in a real Valkey (F1): one fetch, nothing readable there, and nothing that is wrong with it is in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import layer as shared_cache
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import clear_caches
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.client.direct_client import DirectClient
from tests.integration.counted import ON, read
from tests.integration.sharing import CANARY, NAME, Controllers, entries_in, option, plain
from tests.servers import once, valkey
from tests.unit.backends.database.stores import url_in
from tests.unit.session.server.desks import Caller


@pytest.fixture
def server():
    """The Valkey of the tests, empty."""
    server = once.valkey()
    plain(server).flushall()
    return server


@pytest.fixture
def controllers(tmp_path, server, monkeypatch):
    return Controllers(tmp_path, server, monkeypatch)


def test_controllers_share_one_fetch(controllers):
    values = [controllers.read(controllers.open()) for _controller in range(3)]
    assert values == [CANARY] * 3
    assert controllers.fetched == [NAME]


def test_all_of_a_record_comes_back(controllers):
    first, second = (controllers.open().get(NAME) for _controller in range(2))
    assert first.record == second.record
    assert first.describe() == second.describe()
    assert controllers.fetched == [NAME]


def test_several_and_versions_are_shared_too(controllers):
    controllers.first.create(DesiredCredential("other", value=Secret(CANARY)))
    for _controller in range(2):
        manager = controllers.open()
        assert len([one for one in manager.batch_get([NAME, "other", "never"]) if one.answer]) == 2
        assert manager.get(NAME, version="1").fields["password"].expose().decode() == CANARY
    assert controllers.fetched.count((NAME, "other", "never")) == 1
    assert controllers.fetched.count(("never",)) == 1
    assert len(controllers.fetched) <= 4  # a version needs the current value, too, once


def test_what_no_cache_may_keep_is_not_shared(controllers, server):
    controllers.first.create(DesiredCredential("second-factor", type="totp"))
    controllers.fetched.clear()
    before = entries_in(server)
    codes = [controllers.open().token("second-factor").expose().decode() for _controller in range(2)]
    assert [len(code) for code in codes] == [6, 6]
    assert controllers.fetched == ["second-factor"] * 2
    assert entries_in(server) == before


def memory_of(process):
    """What the process holds in memory that it can write to."""
    with open("/proc/{0}/maps".format(process)) as maps, open("/proc/{0}/mem".format(process), "rb") as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if rights.startswith("rw") and "[v" not in line:
                start, end = (int(part, 16) for part in place.split("-"))
                memory.seek(start)
                yield memory.read(end - start)


def test_neither_value_nor_name_nor_tag_is_readable_there(controllers):
    """Neither in what it is told, nor in its memory, nor in what it would write to disk. What is planted is found in each."""
    planted = "planted-9a8b7c6d"
    with valkey.running() as server, plain(server).monitor() as monitor:
        controllers.server = server
        controllers.read(controllers.open())
        controllers.read(controllers.open())
        controllers.open().delete(NAME)
        controllers.open().create(DesiredCredential(NAME, type="basic", fields={"password": Secret(CANARY), "username": Secret("jo")}))
        controllers.read(controllers.open())
        client = plain(server)
        client.set("the-end", planted)
        said = []
        while not said or "the-end" not in said[-1]:
            said.append(monitor.next_command()["command"])
        client.save()
        disk = Path(client.config_get("dir")["dir"], "dump.rdb").read_bytes()
        everywhere = ["\n".join(said).encode(), disk, b"".join(memory_of(server.pid))]
    assert all(planted.encode() in place for place in everywhere)
    for text in (CANARY, "a-telling-name", "basic", str(controllers.directory)):
        assert not any(text.encode() in place for place in everywhere), text


def damaged(entry):
    yield from (entry[:-1], b"", entry + b"x", b"NSC2" + entry[4:])
    for place in (5, 40, 60, len(entry) - 1):
        yield entry[:place] + bytes((entry[place] ^ 1,)) + entry[place + 1 :]


def test_what_was_tampered_with_is_a_miss_and_is_dropped(controllers, server):
    controllers.read(controllers.open())
    client = plain(server)
    (key,) = entries_in(server)
    ((field, entry),) = client.hgetall(key).items()
    for number, changed in enumerate(damaged(entry), 2):
        client.hset(key, field, changed)
        assert controllers.read(controllers.open()) == CANARY
        assert controllers.fetched == [NAME] * number
        assert client.hget(key, field) != changed
    assert controllers.warned == []


def test_an_entry_is_good_for_its_place_alone(controllers, server):
    controllers.first.create(DesiredCredential("other", value=Secret("another value")))
    controllers.read(controllers.open())
    controllers.open().get("other")
    client = plain(server)
    first, second = ((key, *next(iter(client.hgetall(key).items()))) for key in entries_in(server))
    client.hset(first[0], first[1], second[2])
    client.hset(second[0], second[1], first[2])
    assert controllers.read(controllers.open()) == CANARY
    assert controllers.open().token("other").expose() == b"another value"


def test_what_lies_there_ends_by_itself(controllers, server):
    controllers.read(controllers.open(ttl=60))
    client = plain(server)
    assert all(0 < client.pttl(key) <= 60000 for key in client.scan_iter())


def test_a_write_is_seen_by_others_and_by_the_writer(controllers):
    controllers.read(controllers.open())
    writer = controllers.open()
    writer.ensure(DesiredCredential(NAME, fields={"username": Secret("jo"), "password": Secret("changed")}))
    assert controllers.read(writer) == "changed"
    assert controllers.read(controllers.open()) == "changed"


def test_what_another_controller_puts_back_after_a_write_is_not_what_the_writer_reads(controllers, server):
    """It had read the old value before the write, and is slow."""
    controllers.read(controllers.open())
    client = plain(server)
    (key,) = entries_in(server)
    old = client.hgetall(key)
    controllers.first.ensure(DesiredCredential(NAME, fields={"username": Secret("jo"), "password": Secret("changed")}))
    client.hset(key, mapping=old)
    assert controllers.read(controllers.first) == "changed"


@pytest.mark.parametrize("several", [False, True])
def test_a_fresh_read_ends_for_everybody_what_is_shared(controllers, several):
    """Somebody who does not share has changed the value."""
    controllers.read(controllers.open())
    config = {"backend": "database", "url": url_in(controllers.directory), "audit": "off"}
    open_store(config).ensure(DesiredCredential(NAME, fields={"username": Secret("jo"), "password": Secret("changed")}))
    assert controllers.read(controllers.open()) == CANARY
    manager, named = controllers.open(session=True), {"names": [NAME]} if several else {"name": NAME}
    found = perform(manager, "get_many" if several else "get", dict(named, fresh=True), AccessContext()).result
    assert "changed" in json.dumps(found)
    assert controllers.read(controllers.open()) == "changed"


def test_revoking_and_deleting_hold_at_once(controllers):
    controllers.read(controllers.open())
    controllers.first.revoke(NAME)
    with pytest.raises(Exception, match="revoked"):
        controllers.read(controllers.open())
    controllers.first.delete(NAME)
    with pytest.raises(Exception, match="there is no"):
        controllers.read(controllers.open())


def test_a_scope_is_checked_on_what_is_shared(controllers):
    controllers.first.create(DesiredCredential("eve", value=Secret(CANARY), scope=Scope("default", user="eve")))
    allowed = replace(shared_cache.current_caller().context, user="eve")
    assert controllers.open().get("eve", context=allowed)
    with pytest.raises(Exception, match="scope"):
        controllers.open().get("eve")


def test_clearing_the_cache_of_a_session_clears_what_is_shared(controllers, server):
    manager = controllers.open(session=True)
    for name in (NAME, None):
        controllers.fetched.clear()
        controllers.read(manager)
        assert clear_caches([manager], {"state": "cleared", "name": name}, False).result["dropped_shared"] == 1
        assert entries_in(server) == []
        controllers.read(manager)
        controllers.read(manager)
        assert controllers.fetched[-1] == NAME


CLEAR = {"state": "cleared"}


def test_a_run_that_has_not_read_the_store_clears_what_is_shared(controllers, server, tmp_path):
    """In a session that does not have the store open yet, and without a session."""
    config = {"backend": "database", "url": url_in(tmp_path), "audit": "off", "shared_cache": option(server)}
    for wanted in (CLEAR, dict(CLEAR, name=NAME)):
        controllers.read(controllers.open())
        assert len(entries_in(server)) == 1
        asked = Caller()
        assert asked("cache", config=config, check_mode=True, **wanted)["dropped_shared"] == 1
        told = asked("cache", config=config, **wanted)
        asked.desk.close()
        assert (told["changed"], told["dropped"], told["dropped_shared"]) == (True, 0, 1)
        assert entries_in(server) == []
    controllers.read(controllers.open())
    told = DirectClient().perform(StoreReference("prod", config), "cache", CLEAR, AccessContext()).result
    assert (told["changed"], told["session"], told["dropped_shared"]) == (True, False, 1)
    assert entries_in(server) == []


def test_a_login_that_may_not_delete_fails_to_clear(controllers, server):
    """And a server that is gone."""
    controllers.read(controllers.open())
    plain(server).acl_setuser("reader", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", "-del"])
    manager = controllers.open(session=True, username="reader", password="secret")
    with pytest.raises(AccessDenied, match="DEL"):
        clear_caches([manager], CLEAR, False)
    assert len(entries_in(server)) == 1
    gone = controllers.open(session=True, url="redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable, match="not cleared"):
        clear_caches([gone], CLEAR, False)


def test_hits_in_the_shared_cache_are_counted(controllers):
    controllers.read(controllers.open())
    manager = controllers.open(session=True)
    for _time in range(2):
        controllers.read(manager)
    numbers = clear_caches([manager], {}, False).result["statistics"]
    assert (numbers["shared_cache"], numbers["hits"], numbers["requests_saved"]) == ({"hits": 1, "misses": 0}, 1, 2)


def test_clearing_holds_for_what_is_just_being_fetched(controllers, server, monkeypatch):
    manager, fetch = controllers.open(session=True), Database.get

    def meanwhile(backend, *arguments, **more):
        clear_caches([manager], {"state": "cleared"}, False)
        return fetch(backend, *arguments, **more)

    monkeypatch.setattr(Database, "get", meanwhile)
    monkeypatch.setattr(Database, "get_many", lambda backend, names: {name: meanwhile(backend, name) for name in names})
    assert controllers.read(manager) == CANARY
    assert entries_in(server) == []


def test_another_store_on_the_same_server_shares_nothing(controllers, server):
    controllers.read(controllers.open())
    config = {"backend": "database", "url": url_in(controllers.directory), "audit": "off", "table_prefix": "other_"}
    open_store(config).create(DesiredCredential(NAME, value=Secret("another")))
    config["shared_cache"] = option(server)
    assert [open_store(config).token(NAME).expose() for _controller in range(2)] == [b"another"] * 2
    assert len(entries_in(server)) == 2


@pytest.mark.parametrize("how", ["nobody listens", "a wrong password"])
def test_a_server_that_cannot_be_used_is_told_once_and_is_not_in_the_way(controllers, how):
    more = {"url": "redis://127.0.0.1:1/0"} if how == "nobody listens" else {"password": "wrong"}
    manager = controllers.open(**more)
    for _read in range(3):
        assert controllers.read(manager) == CANARY
    manager.ensure(DesiredCredential(NAME, fields={"username": Secret("jo"), "password": Secret("changed")}))
    assert controllers.read(manager) == "changed"
    assert len(controllers.warned) == 1
    assert "without its shared cache" in controllers.warned[0]
    assert "wrong" not in controllers.warned[0]


def test_a_server_that_is_killed_in_mid_run_is_missed_once(controllers):
    with valkey.running() as mortal:
        controllers.server = mortal
        manager = controllers.open()
        assert controllers.read(manager) == CANARY
        assert controllers.fetched.count(NAME) == 1
        plain(mortal).shutdown(nosave=True)
        assert controllers.read(manager) == CANARY
        assert controllers.read(manager) == CANARY
    assert len(controllers.warned) == 1


WRONG = {
    "url": ["", "http://localhost:1", "redis://user:secret@localhost/0", "redis://cache.example.com:6379", "redis://localhost:nonsense/0"],
    "ttl": [0, float("nan"), 1e9],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_option_is_told(controllers, name, value):
    with pytest.raises(InvalidConfiguration, match="shared_cache.{0}".format(name)) as caught:
        controllers.open(**{name: value})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "config", [{"backend": "memory"}, {"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"method": "token", "token": "x"}}]
)
def test_a_store_without_a_key_of_its_own_needs_a_key_source(server, config):
    with pytest.raises(InvalidConfiguration, match="shared_cache"):
        open_store({**config, "audit": "off", "shared_cache": option(server)})


def test_two_runs_on_vault_share_one_fetch(project, counted, server):
    """It keeps plain fields, so a key source of the shared cache's own seals what is shared."""
    config = counted.configured(shared_cache=option(server, key_sources=[{"source": "key_file", "path": "cache.key"}]))
    project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": config}}))
    project.write("ansible.cfg", "[defaults]\n")
    for environment in (ON, ON, {"NEBULA_CREDENTIAL_SESSION": "false"}):
        output = project.play(read("a") + "\n" + read("a"), "-vvv", **environment).succeeded().output
        assert server.password not in output
    assert counted.reads() == {"a": 1}
    assert counted.logins() == 1
    assert (project.directory / "cache.key").exists()
    assert len(entries_in(server)) == 1
