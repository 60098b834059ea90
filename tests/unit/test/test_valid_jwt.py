# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test `valid_jwt`, as Jinja calls it."""

from __future__ import annotations

import json
import time

import pytest
from ansible.errors import AnsibleError

from ansible_collections.nebula.credential.plugins.test.valid_jwt import TestModule as Plugin
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.types.jwt.signed import new_key, sign

PRIVATE, PUBLIC = new_key()
SECRET = "s" * 32
is_valid = Plugin().tests()["valid_jwt"]


def token(**claims):
    return sign(PRIVATE, {"exp": int(time.time()) + 600, **claims}, kid="a").decode()


@pytest.mark.parametrize("keys", [PUBLIC, json.dumps(PUBLIC), {"keys": [{**PUBLIC, "kid": "a"}]}])
def test_keys_are_a_mapping_or_a_text(keys):
    assert is_valid(token(), keys=keys)
    assert is_valid(token() + "\n", keys=keys)
    assert not is_valid(token(), keys=new_key()[1])


def test_each_option_counts():
    assert is_valid(token(iss="me", aud="us"), keys=PUBLIC, issuer="me", audience=["us"], algorithms=["ES256"], skew=0)
    assert not is_valid(token(iss="me"), keys=PUBLIC, issuer="you")
    assert not is_valid(token(aud="us"), keys=PUBLIC)
    assert not is_valid(token(aud="us"), keys=PUBLIC, audience="them")
    assert not is_valid(token(), keys=PUBLIC, algorithms=["EdDSA"])
    assert not is_valid(token(), secret=SECRET)
    assert not is_valid(token(exp=int(time.time()) - 200), keys=PUBLIC)
    assert is_valid(token(exp=int(time.time()) - 200), keys=PUBLIC, skew=300)
    endless = sign(PRIVATE, {}).decode()
    assert is_valid(endless, keys=PUBLIC, require_expiry=False)
    assert not is_valid(endless, keys=PUBLIC)


def test_the_keys_of_an_address_are_fetched_once():
    with scripted.running(lambda _request: Answer(200, {"keys": [{**PUBLIC, "kid": "a"}]})) as issuer:
        for _token in range(5):
            assert is_valid(token(), jwks_url=issuer.url + "/keys")
        assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "one of the following is required: keys, secret, jwks_url"),
        ({"keys": PUBLIC, "secret": SECRET}, "mutually exclusive"),
        ({"keys": PUBLIC, "audence": "x"}, "Did you mean 'audience'"),
        ({"keys": PUBLIC, "algorithms": ["none"]}, "must be one or more of"),
        ({"keys": PUBLIC, "algorithms": []}, "algorithms"),
        ({"keys": PUBLIC, "skew": 301}, "skew"),
        ({"keys": PUBLIC, "ca_file": "/tmp/ca.pem"}, "ca_file"),
        ({"keys": "c4n4ry"}, "invalid_input"),
        ({"secret": PRIVATE}, "text of a key"),
        ({"jwks_url": "http://192.0.2.1/keys"}, "plain HTTP"),
        ({"jwks_url": "http://127.0.0.1:1/keys"}, "unavailable"),
    ],
)
def test_a_mistake_is_an_error_and_not_a_refusal(options, says):
    with pytest.raises(AnsibleError, match=says) as caught:
        is_valid(token(), **options)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 5, {"token": "x"}])
def test_what_is_no_text_is_an_error(value):
    with pytest.raises(AnsibleError, match="not text"):
        is_valid(value, keys=PUBLIC)
