# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hashes in place of values: right for those who check them, and the same until the value changes."""

from __future__ import annotations

import threading

import bcrypt
import pytest
from passlib.hash import sha256_crypt, sha512_crypt

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import CacheMiss, cache_only
from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations import hashing
from tests.unit.store.managing import CANARY, ask, create, run

CHEAP = {"sha512_crypt": 1000, "sha256_crypt": 1000, "bcrypt": 4, "scram": 4096}


def read(manager, scheme="bcrypt", **options):
    return ask(manager, "get", **{"name": "db", "hash": scheme, "hash_rounds": CHEAP.get(scheme), **options}).result["value"]


def is_scram_of(password, verifier):
    import base64

    salt = base64.b64decode(verifier.split(":")[1].split("$")[0])
    return build_verifier(password, salt) == verifier


@pytest.mark.parametrize(
    ("scheme", "verify"),
    [
        ("sha512_crypt", sha512_crypt.verify),
        ("sha256_crypt", sha256_crypt.verify),
        ("bcrypt", lambda password, hashed: bcrypt.checkpw(password.encode(), hashed.encode())),
        ("scram", is_scram_of),
    ],
)
def test_a_hash_accepts_its_value_and_no_other(manager, scheme, verify):
    create(manager)
    hashed = read(manager, scheme)
    assert verify(CANARY, hashed)
    assert not verify("another", hashed)


@pytest.mark.parametrize("scheme", CHEAP)
def test_a_hash_stays_the_same_until_the_value_changes(manager, monkeypatch, scheme):
    create(manager)
    before = read(manager, scheme)
    monkeypatch.setattr(hashing, "_KEPT", hashing._KeptHashes())
    assert read(manager, scheme) == before
    run(manager, value="another-value")
    assert read(manager, scheme) != before


@pytest.mark.parametrize("scheme", CHEAP)
def test_a_hash_differs_by_what_its_salt_is_for(manager, scheme):
    create(manager)
    assert len({read(manager, scheme, salt_for=host) for host in (None, "web1", "web2")}) == 3


def test_a_credential_written_anew_under_its_name_has_another_salt(manager):
    create(manager)
    before = read(manager)
    manager.delete("db")
    create(manager)
    assert read(manager) != before


def test_the_hash_is_masked_and_the_value_is_not_returned(manager):
    create(manager)
    outcome = ask(manager, "get", name="db", hash="scram")
    assert [secret.expose().decode() for secret in outcome.secrets] == [outcome.result["value"]]


def test_a_part_of_json_can_be_hashed(manager):
    create(manager, value=Secret('{"login": {"password": "word"}}'))
    assert is_scram_of("word", read(manager, "scram", field="value.login.password"))


def test_several_can_be_hashed_in_one_read(manager):
    create(manager)
    create(manager, "other", value=Secret("second"))
    values = ask(manager, "get_many", names=["db", "other"], hash="scram").result["values"]
    assert is_scram_of(CANARY, values["db"])
    assert is_scram_of("second", values["other"])


def test_the_event_loop_of_a_session_computes_no_hash(manager):
    create(manager)
    with pytest.raises(CacheMiss), cache_only():
        read(manager, salt_for="not computed yet")


def test_equal_requests_at_the_same_time_compute_once(manager, monkeypatch):
    create(manager)
    computed, begun, go_on = [], threading.Event(), threading.Event()

    def compute(value, salt, rounds):
        computed.append(value)
        begun.set()
        assert go_on.wait(60)
        return "hash"

    monkeypatch.setitem(hashing._SCHEMES, "bcrypt", hashing._SCHEMES["bcrypt"]._replace(compute=compute))
    threads = [threading.Thread(target=read, args=(manager,), kwargs={"salt_for": "together"}) for _caller in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(computed) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheme": "md5"}, "there is no hash 'md5'. Use one of: sha512_crypt"),
        ({"hash_rounds": 3}, "'bcrypt' does not take 3 rounds. Use 4 to 16; without it, 12."),
        ({"scheme": "scram", "hash_rounds": 1000}, "'scram' does not take 1000 rounds"),
    ],
)
def test_a_wrong_scheme_or_cost_is_refused(manager, options, words):
    create(manager)
    with pytest.raises(InvalidInput) as caught:
        read(manager, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(("value", "words"), [(b"\xff", "is not text"), (b"a\0b", "zero bytes"), (b"x" * 73, "bcrypt would cut")])
def test_a_value_that_a_hash_would_cut_or_change_is_refused(manager, value, words):
    create(manager, value=Secret(value))
    with pytest.raises(InvalidToken, match=words):
        read(manager)
