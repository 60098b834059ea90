# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of keys that an issuer publishes: fetched once, and again if a token names an unknown key (C4)."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    InvalidToken,
    StorageError,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt import key_sets
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.key_sets import KeySets
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.types.jwt.signed import NOW, SECOND, new_key, sign

PRIVATE, PUBLIC = new_key()
OLD = {**PUBLIC, "kid": "old"}
NEW_PRIVATE, NEW = new_key()
CLAIMS = {"exp": SECOND + 60}


@pytest.fixture
def issuer():
    with scripted.running(lambda _request: Answer(200, {"keys": [OLD]})) as server:
        yield server


def verify(sets, issuer, token):
    return sets.verify(token, issuer.url + "/jwks", Tls(), Expectation(), NOW)


def test_a_set_is_fetched_once_for_many_tokens(issuer):
    sets = KeySets()
    for _token in range(50):
        assert verify(sets, issuer, sign(PRIVATE, CLAIMS, kid="old")) == CLAIMS
    assert len(issuer.asked) == 1


def test_a_key_that_the_issuer_added_meanwhile_is_fetched(issuer, monkeypatch):
    monkeypatch.setattr(key_sets, "PAUSE", 0.0)
    sets = KeySets()
    verify(sets, issuer, sign(PRIVATE, CLAIMS, kid="old"))
    issuer.script = lambda _request: Answer(200, {"keys": [OLD, {**NEW, "kid": "new"}]})
    assert verify(sets, issuer, sign(NEW_PRIVATE, CLAIMS, kid="new")) == CLAIMS
    assert len(issuer.asked) == 2


def test_tokens_with_unknown_keys_cannot_flood_the_issuer(issuer):
    sets = KeySets()
    for number in range(20):
        with pytest.raises(InvalidToken, match="not known"):
            verify(sets, issuer, sign(PRIVATE, CLAIMS, kid=str(number)))
    assert len(issuer.asked) == 1


def test_a_set_that_is_no_longer_fresh_is_fetched_again(issuer, monkeypatch):
    monkeypatch.setattr(key_sets, "FRESH", 0.0)
    sets = KeySets()
    verify(sets, issuer, sign(PRIVATE, CLAIMS, kid="old"))
    issuer.script = lambda _request: Answer(200, {"keys": [{**NEW, "kid": "new"}]})
    with pytest.raises(InvalidToken, match="not known"):
        verify(sets, issuer, sign(PRIVATE, CLAIMS, kid="old"))


def test_no_more_sets_are_kept_than_are_allowed(issuer):
    sets = KeySets()
    for number in range(key_sets.MAX_SETS + 5):
        sets.read("{0}/{1}".format(issuer.url, number))
    assert len(sets._kept) == key_sets.MAX_SETS


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(503), Unavailable),
        (Answer(404), StorageError),
        (Answer(200, b"<html>"), InvalidInput),
        (Answer(200, {"keys": []}), InvalidInput),
        (Answer(200, {"keys": [{"kty": "oct", "k": "A" * 43}]}), InvalidInput),
        (Answer(200, json.dumps({"keys": [OLD], "x": "y" * 300000}).encode()), TooLarge),
    ],
)
def test_what_is_no_set_of_public_keys_is_an_error_and_not_kept(issuer, answer, error):
    sets = KeySets()
    issuer.script = lambda _request: answer
    with pytest.raises(error):
        sets.read(issuer.url)
    issuer.script = lambda _request: Answer(200, {"keys": [OLD]})
    assert len(sets.read(issuer.url)) == 1


def test_a_private_key_in_a_set_is_refused(issuer):
    from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import read_keys

    private = read_keys(PRIVATE.encode())[0].native.as_dict(private=True)
    issuer.script = lambda _request: Answer(200, {"keys": [private]})
    with pytest.raises(InvalidInput, match="not public"):
        KeySets().read(issuer.url)


def test_a_set_is_not_fetched_in_the_clear():
    with pytest.raises(InvalidInput, match="plain HTTP"):
        KeySets().read("http://192.0.2.1/jwks")
