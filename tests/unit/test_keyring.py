# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys: made once, wrapped for each source, never replaced by a new one; each way of losing them has its own name."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import argon2id, key_file
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import (
    LEAST,
    MOST,
    Parameters,
    check_parameters,
    derive_from,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.sources import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    InsecurePermissions,
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    NotFound,
    Tampered,
    Timeout,
    UnknownFormat,
    WrongKey,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.secret import Secret
from tests.unit.sealed_stores import a_memory_store, a_record, a_store, keys_directory, provider, the_key_file, value_of

FORK = multiprocessing.get_context("fork")
CHEAP = Parameters(*LEAST)


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.crypto.passphrase.RECOMMENDED", CHEAP)


def document_path(directory):
    return directory / "store" / ".nebula" / "metadata.json"


def change_document(directory, **changes):
    path = document_path(directory)
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))


def with_passphrase(text, **more):
    return {"key_sources": [dict({"source": "passphrase", "passphrase": text}, **more)]}


def test_the_first_write_makes_a_key_that_only_its_owner_can_read(tmp_path):
    store = a_store(tmp_path)
    with pytest.raises(NotFound):
        store.get("db_pass")
    assert not keys_directory().exists()
    store.put(a_record())
    assert the_key_file().stat().st_mode & 0o777 == 0o600
    assert str(tmp_path / "store") not in str(the_key_file())
    assert value_of(a_store(tmp_path).get("db_pass")) == b"correct horse"


def test_the_key_is_nowhere_in_the_store(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record(value=b"a canary of some length"))
    wrapping = base64.b64decode(the_key_file().read_text().split()[2])
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert wrapping not in content
            assert base64.b64encode(wrapping) not in content
            assert b"a canary" not in content


def test_a_store_without_its_key_names_the_path_and_gets_no_new_one(tmp_path):
    a_store(tmp_path).put(a_record())
    path = the_key_file()
    kept = path.read_bytes()
    path.unlink()
    for operation in (lambda: a_store(tmp_path).get("db_pass"), lambda: a_store(tmp_path).put(a_record("other"))):
        with pytest.raises(MissingKey, match=str(path)):
            operation()
    assert not path.exists()
    path.write_bytes(kept)
    path.chmod(0o600)
    assert value_of(a_store(tmp_path).get("db_pass")) == b"correct horse"


@pytest.mark.parametrize("stage", ["current", "journal"])
def test_records_without_a_document_get_no_new_key(tmp_path, stage):
    a_store(tmp_path).put(a_record(stage=stage))
    document_path(tmp_path).unlink()
    store = a_store(tmp_path)
    for operation in (
        lambda: store.get("db_pass", stage=stage),
        lambda: store.put(a_record("other")),
        lambda: store.restore("db_pass", stage),
    ):
        with pytest.raises(MissingKey):
            operation()
    if stage == "current":
        with pytest.raises(MissingKey):
            store.get_many(["db_pass"])


def test_a_document_that_vanishes_under_an_open_store_is_not_made_anew(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record())
    document_path(tmp_path).unlink()
    with pytest.raises(MissingKey):
        store.put(a_record())


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    a_store(tmp_path).put(a_record())
    the_key_file().chmod(0o640)
    with pytest.raises(InsecurePermissions, match="chmod 600"):
        a_store(tmp_path).get("db_pass")


@pytest.mark.parametrize(
    "content", [b"", b"nebula-key-1 x y\n", b"nebula-key-1 " + b"0" * 32 + b" !!!!\n", "cut", "flipped", "twice the end"]
)
def test_a_damaged_key_file_is_told_from_another_one(tmp_path, content):
    a_store(tmp_path).put(a_record())
    path = the_key_file()
    whole = path.read_bytes()
    broken = {"cut": whole[:-5], "flipped": whole[:60] + bytes((whole[60] ^ 1,)) + whole[61:], "twice the end": whole + b"\n"}
    path.write_bytes(broken.get(content, content))
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")
    path.write_bytes(key_file._line(bytes(32)))
    with pytest.raises(WrongPassphrase, match="another key"):
        a_store(tmp_path).get("db_pass")


def test_a_key_file_that_is_configured_is_made_and_used_there(tmp_path):
    path = tmp_path / "elsewhere" / "store.key"
    sources = {"key_sources": [{"source": "key_file", "path": str(path)}]}
    a_store(tmp_path, **sources).put(a_record())
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(keys_directory().glob("*.key"))
    assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"


def test_a_wrong_passphrase_is_told_from_damage(tmp_path):
    a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    assert value_of(a_store(tmp_path, **with_passphrase("open sesame")).get("db_pass")) == b"correct horse"
    with pytest.raises(WrongPassphrase):
        a_store(tmp_path, **with_passphrase("open barley")).get("db_pass")
    slot = base64.b64decode(json.loads(document_path(tmp_path).read_text())["slots"][0])
    broken = slot[:50] + bytes((slot[50] ^ 1,)) + slot[51:]
    change_document(tmp_path, slots=[base64.b64encode(broken).decode()])
    with pytest.raises(Damaged):
        a_store(tmp_path, **with_passphrase("open sesame")).get("db_pass")


def test_one_damaged_slot_leaves_the_other_sources_working(tmp_path):
    both = {"key_sources": [{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]}
    a_store(tmp_path, **both).put(a_record())
    slots = json.loads(document_path(tmp_path).read_text())["slots"]
    change_document(tmp_path, slots=[base64.b64encode(b"x" * 200).decode(), slots[1]])
    assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")
    with pytest.raises(Damaged):
        a_store(tmp_path, **both).rotate_master_key()


def test_any_source_opens_the_store(tmp_path):
    both = {"key_sources": [{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]}
    a_store(tmp_path, **both).put(a_record())
    the_key_file().unlink()
    assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    assert not list(keys_directory().glob("*.key"))


def test_a_source_new_in_the_configuration_gets_a_slot_and_a_dropped_one_loses_it(tmp_path):
    a_store(tmp_path).put(a_record())
    a_store(tmp_path, key_sources=[{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]).get("db_pass")
    alone = with_passphrase("open sesame")
    assert value_of(a_store(tmp_path, **alone).get("db_pass")) == b"correct horse"
    a_store(tmp_path, drop_sources=["key_file"], **alone).get("db_pass")
    with pytest.raises(MissingKey, match="It can be opened with: 'passphrase'"):
        a_store(tmp_path).get("db_pass")


def test_the_last_source_is_not_dropped(tmp_path):
    a_store(tmp_path, **with_passphrase("a")).put(a_record())
    opened = a_store(tmp_path, drop_sources=["passphrase:"], **with_passphrase("a"))
    assert value_of(opened.get("db_pass")) == b"correct horse"
    assert len(json.loads(document_path(tmp_path).read_text())["slots"]) == 1


def test_a_source_cannot_be_used_and_dropped_at_once(tmp_path):
    with pytest.raises(InvalidConfiguration, match="drop_sources"):
        a_store(tmp_path, drop_sources=["key_file"])


def test_a_new_source_that_is_not_here_does_not_keep_anybody_from_reading(tmp_path):
    a_store(tmp_path).put(a_record())
    sources = [{"source": "key_file"}, {"source": "passphrase", "passphrase_env": "NOT_SET_ANYWHERE"}]
    assert value_of(a_store(tmp_path, key_sources=sources).get("db_pass")) == b"correct horse"


def test_the_vault_password_is_asked_for_by_its_id(tmp_path):
    asked = []

    def vault_password(vault_id):
        asked.append(vault_id)
        return Secret("the vault's")

    sources = {"key_sources": [{"source": "ansible_vault", "vault_id": "prod"}]}
    a_store(tmp_path, vault_password, **sources).put(a_record())
    assert value_of(a_store(tmp_path, vault_password, **sources).get("db_pass")) == b"correct horse"
    assert set(asked) == {"prod"}
    with pytest.raises(MissingKey, match=r"'ansible_vault' \(prod\)"):
        a_store(tmp_path, vault_password, key_sources=[{"source": "ansible_vault"}]).get("db_pass")
    for absent in (None, lambda _vault_id: None):
        with pytest.raises(KeySourceUnavailable, match="prod"):
            a_store(tmp_path, absent, **sources).get("db_pass")


def test_a_passphrase_comes_from_the_environment_or_a_private_file(tmp_path, monkeypatch):
    a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    monkeypatch.setenv("THE_PASSPHRASE", "open sesame")
    path = tmp_path / "passphrase"
    path.write_bytes(b"open sesame\n")
    path.chmod(0o600)
    for given in ({"passphrase_env": "THE_PASSPHRASE"}, {"passphrase_file": str(path)}):
        sources = {"key_sources": [dict(given, source="passphrase")]}
        assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"
    path.chmod(0o644)
    with pytest.raises(InsecurePermissions):
        a_store(tmp_path, **sources).get("db_pass")
    path.unlink()
    with pytest.raises(KeySourceUnavailable, match="absent or empty"):
        a_store(tmp_path, **sources).get("db_pass")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"source": "carrier_pigeon"},
        {"source": "key_file", "passphrase": "x"},
        {"source": "key_file", "path": 3},
        {"source": "passphrase"},
        {"source": "passphrase", "passphrase": "x", "passphrase_env": "X"},
        {"source": "ansible_vault", "path": "x"},
    ],
    ids=str,
)
def test_what_is_no_source_is_refused_by_name(entry):
    with pytest.raises(InvalidConfiguration, match="key_sources"):
        build_sources([entry], print)


def bounds():
    for position in range(3):
        yield Parameters(*(LEAST[i] - (i == position) for i in range(3))), 16
        yield Parameters(*(MOST[i] + (i == position) for i in range(3))), 16
    yield CHEAP, 15
    yield CHEAP, 65


@pytest.mark.parametrize(("parameters", "salt"), list(bounds()))
def test_parameters_out_of_bounds_are_refused_before_any_derivation(parameters, salt, monkeypatch):
    monkeypatch.setattr(argon2id, "Argon2id", None)
    with pytest.raises(Tampered):
        derive_from(Secret("x"), parameters, bytes(salt))


def test_parameters_at_the_bounds_are_accepted():
    for parameters, salt in ((LEAST, 16), (MOST, 64), (argon2id.RECOMMENDED, 16)):
        check_parameters(parameters, bytes(salt))


def test_new_slots_are_written_with_the_second_profile_of_rfc_9106():
    assert Parameters(iterations=3, lanes=4, memory=64 * 1024) == argon2id.RECOMMENDED


@pytest.mark.parametrize("how", ["no module", "old OpenSSL"])
def test_without_argon2id_the_source_is_unavailable_by_name(tmp_path, monkeypatch, how):
    def unsupported(**_parameters):
        raise argon2id.UnsupportedAlgorithm("no")

    if how == "no module":
        monkeypatch.setattr(argon2id, "HAS_ARGON2ID", False)
    else:
        monkeypatch.setattr(argon2id, "Argon2id", unsupported)
    with pytest.raises(KeySourceUnavailable, match="Argon2id"):
        a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    assert not document_path(tmp_path).exists()


def test_derivations_take_turns(monkeypatch, tmp_path):
    held = []

    class Watched(argon2id.FileLock):
        def acquire(self):
            super().acquire()
            held.append("taken")

        def release(self):
            held.append("freed")
            super().release()

    monkeypatch.setattr(argon2id, "FileLock", Watched)
    derive_from(Secret("x"), CHEAP, bytes(16))
    assert held == ["taken", "freed"]
    monkeypatch.setattr(argon2id, "LONGEST_TURN", 0.0)
    with argon2id.FileLock(str(keys_directory() / argon2id.LOCK_NAME)), pytest.raises(Timeout):
        derive_from(Secret("x"), CHEAP, bytes(16))


def test_where_no_lock_can_be_written_nobody_waits(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert len(derive_from(Secret("x"), CHEAP, bytes(16))) == 32


def _put_own(directory, barrier, number):
    store = a_store(directory)
    barrier.wait()
    store.put(a_record("name{0}".format(number), b"%d" % number))


@pytest.mark.parametrize("configured", [False, True])
def test_processes_that_create_one_store_at_once_get_one_key(tmp_path, configured, monkeypatch):
    if configured:
        monkeypatch.setattr(
            "ansible_collections.nebula.credential.plugins.module_utils.crypto.sources.DEFAULT",
            ({"source": "key_file", "path": str(tmp_path / "the.key")},),
        )
    count = 12
    barrier = FORK.Barrier(count)
    processes = [FORK.Process(target=_put_own, args=(tmp_path, barrier, number)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
    store = a_store(tmp_path)
    assert {value_of(store.get("name{0}".format(number))) for number in range(count)} == {b"%d" % number for number in range(count)}
    assert len(list(keys_directory().glob("*.key"))) == (0 if configured else 1)


def test_a_key_from_a_creation_that_was_killed_is_used_up_not_lost(tmp_path):
    """The key file is durable before the document; a crash between them leaves a key and an empty store."""
    path = str(tmp_path / "the.key")
    (source,) = build_sources([{"source": "key_file", "path": path}], print)
    _, first = source.prepare(bytes(16), renew=False)
    sources = {"key_sources": [{"source": "key_file", "path": path}]}
    a_store(tmp_path, **sources).put(a_record())
    assert source.prepare(bytes(16), renew=False)[1] == first
    assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"


def test_a_store_without_any_source_is_listed_and_not_read(tmp_path):
    a_store(tmp_path).put(a_record())
    keyless = a_store(tmp_path, key_sources=[])
    assert [(row.name, row.verified) for row in keyless.list()] == [("db_pass", False)]
    with pytest.raises(MissingKey):
        keyless.get("db_pass")
    with pytest.raises(MissingKey, match="no key source"):
        a_store(tmp_path / "new", key_sources=[]).put(a_record())


def _bad_documents():
    return {
        "no JSON": lambda text: text[: len(text) // 2],
        "not UTF-8": lambda _text: "\xff",
        "a key too many": lambda text: text.replace('"format"', '"more": 1, "format"'),
        "a key twice": lambda text: text.replace('"format"', '"format": 1, "format"'),
        "a short store id": lambda text: text.replace('"store_id": "', '"store_id": "', 1).replace(json.loads(text)["store_id"], "00"),
        "upper-case digits": lambda text: text.replace(json.loads(text)["mac"], "AB" * 32),
        "slots that are text": lambda text: json.dumps(dict(json.loads(text), slots="x")),
        "a slot that is no base64": lambda text: json.dumps(dict(json.loads(text), slots=["!"])),
        "base64 with stray bits": lambda text: json.dumps(dict(json.loads(text), slots=["eB=="])),
        "a time before 1970": lambda text: json.dumps(dict(json.loads(text), keep_until=-1)),
        "a flag that is a number": lambda text: json.dumps(dict(json.loads(text), compromised=0)),
        "a format that is text": lambda text: json.dumps(dict(json.loads(text), format="1")),
        "a list": lambda _text: "[]",
    }


@pytest.mark.parametrize("case", _bad_documents())
def test_a_damaged_document_is_damaged(tmp_path, case):
    a_store(tmp_path).put(a_record())
    path = document_path(tmp_path)
    path.write_bytes(_bad_documents()[case](path.read_text()).encode("latin-1"))
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")


def test_a_document_of_a_later_release_is_not_damaged(tmp_path):
    a_store(tmp_path).put(a_record())
    change_document(tmp_path, format=2)
    with pytest.raises(UnknownFormat):
        a_store(tmp_path).get("db_pass")


def test_a_ring_that_was_changed_is_tampered(tmp_path):
    a_store(tmp_path).put(a_record())
    change_document(tmp_path, keep_until=5)
    with pytest.raises(Tampered):
        a_store(tmp_path).get("db_pass")
    change_document(tmp_path, keep_until=0, retiring="00" * 16)
    with pytest.raises(Tampered):
        a_store(tmp_path).get("db_pass")


def test_a_document_of_another_store_does_not_open_this_one(tmp_path):
    shared = {"key_sources": [{"source": "key_file", "path": str(tmp_path / "the.key")}]}
    for directory in ("one", "two"):
        a_store(tmp_path / directory, **shared).put(a_record())
    document_path(tmp_path / "one").write_bytes(document_path(tmp_path / "two").read_bytes())
    with pytest.raises(WrongKey):
        a_store(tmp_path / "one", **shared).get("db_pass")


def test_a_process_that_lost_the_race_for_the_document_takes_the_winners(tmp_path):
    store = a_store(tmp_path)
    inner = provider(tmp_path)

    def late(content, replaces):
        del store.inner.write_store_document
        a_store(tmp_path, inner=inner).put(a_record("theirs"))
        return store.inner.write_store_document(content, replaces)

    store.inner.write_store_document = late
    store.put(a_record("mine"))
    assert sorted(row.name for row in a_store(tmp_path).list(Filter(names_only=True))) == ["mine", "theirs"]
    assert value_of(a_store(tmp_path).get("mine")) == b"correct horse"
    assert len(list(keys_directory().glob("*.key"))) == 1


def test_a_document_that_is_replaced_while_it_is_opened_is_opened_again(tmp_path):
    """A rotation takes the old secret out of the key file after it has replaced the document."""
    store = a_store(tmp_path)
    store.put(a_record())
    stale = document_path(tmp_path).read_bytes()
    store.rotate_master_key()
    reader = a_store(tmp_path)
    read, answers = reader.inner.read_store_document, [stale]
    reader.inner.read_store_document = lambda: answers.pop() if answers else read()
    assert value_of(reader.get("db_pass")) == b"correct horse"


def test_what_a_killed_writer_left_beside_a_key_file_is_removed(tmp_path):
    """It may hold keys. A young one may have a living writer, and stays."""
    (source,) = build_sources([{"source": "key_file", "path": str(tmp_path / "the.key")}], print)
    old, young = tmp_path / ".nebula-1-old.tmp", tmp_path / ".nebula-1-young.tmp"
    for path in (old, young):
        path.write_text("a key")
    os.utime(old, (0, 0))
    source.prepare(bytes(16), renew=False)
    assert not old.exists()
    assert young.exists()


def test_a_store_made_from_a_passphrase_is_derived_for_once(tmp_path, monkeypatch):
    derived = []
    original = argon2id.Argon2id
    monkeypatch.setattr(argon2id, "Argon2id", lambda **parameters: derived.append(1) or original(**parameters))
    store = a_store(tmp_path, **with_passphrase("open sesame"))
    store.put(a_record())
    store.put(a_record("other"))
    store.get("db_pass")
    assert len(derived) == 1


def test_a_key_file_is_never_emptied():
    (source,) = build_sources(None, print)
    _, secret = source.prepare(bytes(16), renew=False)
    source.forget_all_but(frozenset(), bytes(16))
    assert base64.b64encode(secret) in the_key_file().read_bytes()
    the_key_file().unlink()
    source.abandon(bytes(16))


def test_a_document_that_never_comes_to_be_is_told(tmp_path):
    store = a_store(tmp_path)

    def never(content, replaces):
        raise Conflict("somebody was first")

    store.inner.write_store_document = never
    with pytest.raises(MissingKey):
        store.put(a_record())


def test_a_passing_store_keeps_its_key_to_itself():
    store = a_memory_store()
    store.put(a_record())
    assert value_of(store.get("db_pass")) == b"correct horse"
    assert [row.verified for row in store.list()] == [True]
    assert not keys_directory().exists()
    key_id, key = store.subkey("nebula/1/audit")
    assert (len(key_id), len(key)) == (16, 32)
    assert store.subkey("nebula/1/audit") == (key_id, key)
    assert store.subkey("nebula/1/drift")[1] != key


def test_a_relative_config_home_is_not_looked_at(monkeypatch, home):
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.locations import keys_directory as configured

    assert configured() == os.path.join(str(home), ".config", "nebula", "keys")
