# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of JSON Web Tokens and of the sets of keys that verify them."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import encode_base64url
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, read_jwk, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, verify_token
from tests.fuzz.mutations import spoil_bytes, spoil_json
from tests.fuzz.stored_parsers import NOW, Made
from tests.unit.types.jwt.signed import new_key, sign


def of_tokens(_tmp_path: Any) -> Made:
    private, public = new_key()
    keys, expected = [read_jwk(public)], Expectation(issuer="me", audiences=("us",))
    claims = {"exp": int(NOW.timestamp()) + 60, "nbf": 1.5, "iat": 0, "iss": "me", "aud": ["us"]}
    whole = sign(private, claims)

    def spoil(random: Random) -> bytes:
        if random.randrange(3) == 0:
            return spoil_bytes([whole], random)
        parts = [spoil_json([{"alg": "ES256", "kid": "a", "crit": ["b64"]}], random), spoil_json([claims], random), b"x" * 64]
        if random.randrange(2) == 0:
            return sign(private, parts[1])
        return ".".join(map(encode_base64url, parts)).encode()

    def parse(data: bytes) -> None:
        verify_token(data, keys, expected, NOW)

    return parse, spoil


def of_key_sets(_tmp_path: Any) -> Made:
    sets = [{"keys": [dict(new_key(name)[1], kid=name, use="sig", key_ops=["verify"])]} for name in ("ES256", "RS256", "EdDSA")]
    pems = [new_key(name)[0].encode() for name in ("ES256", "EdDSA")]

    def spoil(random: Random) -> bytes:
        return spoil_bytes([*pems, json.dumps(sets[0]).encode()], random) if random.randrange(3) == 0 else spoil_json(sets, random)

    def parse(data: bytes) -> None:
        for key in read_keys(data):
            assert isinstance(key.key_id, str)
            assert sum(key.takes(name) for name in ALGORITHMS) <= 6

    return parse, spoil


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "JSON Web Token": of_tokens,
    "keys of tokens": of_key_sets,
}
