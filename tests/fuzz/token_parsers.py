# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of JSON Web Tokens, of keytabs, of keys that verify tokens, and of what authorization servers and identity providers send."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.context.process import Finished
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import encode_base64url
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, read_jwk, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, verify_token
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import keytab
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import logins, token_requests
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.command import CommandRecipe
from ansible_collections.nebula.credential.plugins.module_utils.types.saml import responses as saml
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.settings import read_settings, write_metadata
from tests.fuzz.mutations import spoil_bytes, spoil_json
from tests.fuzz.stored_parsers import NOW, Made
from tests.unit.types.jwt.signed import new_key, sign
from tests.unit.types.kerberos.keytabs import write_entry, write_keys
from tests.unit.types.saml import forge
from tests.unit.types.saml.corpus import list_valid
from tests.unit.types.saml.forge import REQUEST
from tests.unit.types.saml.services import make_fields, settings_with_key
from tests.unit.types.saml.test_saml_fields import metadata


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


def of_token_responses(_tmp_path: Any) -> Made:
    whole = {
        "access_token": "a",
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "r",
        "scope": "x",
        "interval": 5,
        "error": "slow_down",
    }

    def spoil(random: Random) -> bytes:
        return spoil_bytes([json.dumps(whole).encode()], random) if random.randrange(3) == 0 else spoil_json([whole], random)

    def parse(data: bytes) -> None:
        members = token_requests._read_members(HttpResponse(200, {}, data, "auth.example.com:443"), token_requests._KEPT_TEXTS) or {}
        if "access_token" not in members:
            raise StorageError("no token, which the caller says")
        answer = token_requests._read_answer(members, {}, NOW)
        assert answer.expires_at is None or answer.expires_at >= NOW
        assert all(value.expose().decode().isprintable() for value in answer.state.values())

    return parse, spoil


def of_callbacks(_tmp_path: Any) -> Made:
    flow = {
        "flow": "authorization_code",
        "expires_at": 1 << 60,
        "state": "s",
        "redirect_uri": "http://127.0.0.1/callback",
        "issuer": "https://a",
    }
    urls = [b"http://127.0.0.1/callback?code=c&state=s&iss=https%3A%2F%2Fa", b"http://127.0.0.1/callback?error=access_denied&state=s"]

    def spoil(random: Random) -> bytes:
        return spoil_bytes(urls, random)

    def parse(data: bytes) -> None:
        assert logins.check(Secret(json.dumps(flow)), {"callback_url": data.decode("utf-8", "surrogateescape") or "?"})

    return parse, spoil


class GivenAnswer(CommandRecipe):
    """A recipe whose command has answered with `data`."""

    data = b""

    def send(self, fields: Any) -> Any:
        return self._read_answer(Finished(0, self.data, b""))


def of_refresh_answers(_tmp_path: Any) -> Made:
    wholes = [{"fields": {"token": "t", "id": 7}, "expires_in": 60}, {"fields": {"token": "t"}, "expires_at": "2100-01-01T00:00:00Z"}]
    recipe = GivenAnswer("door", {"command": ["renew-door"], "repeatable": True}, None, lambda _message: None)

    def spoil(random: Random) -> bytes:
        return spoil_bytes([json.dumps(wholes[0]).encode()], random) if random.randrange(3) == 0 else spoil_json(wholes, random)

    def parse(data: bytes) -> None:
        recipe.data = data
        found = recipe.renew({})
        assert all(isinstance(name, str) for name in found.fields)
        assert found.expires_at is None or found.expires_at.utcoffset() is not None

    return parse, spoil


def of_keytabs(_tmp_path: Any) -> Made:
    principal = "HTTP/web.example.com@EXAMPLE.COM"
    whole = write_keys(write_entry(principal, 2), write_entry(principal, 300, large=300))

    def parse(data: bytes) -> bool:
        entries = keytab.read_keytab(data)
        return entries is not None and keytab.read_keytab(keytab.write_keytab(entries)) == entries

    return parse, lambda random: spoil_bytes([whole], random)


def of_saml_responses(_tmp_path: Any) -> Made:
    expected = saml.Expectation(settings_with_key(), REQUEST, frozenset(), forge.NOW)
    whole = [base64.b64decode(case.text) for case in list_valid()]

    def spoil(random: Random) -> bytes:
        return spoil_bytes(whole, random)

    def parse(data: bytes) -> None:
        # A change of a name would be seen here: it is signed, or within what is.
        assert saml.read_response(base64.b64encode(data).decode("ascii"), expected).name_id == forge.REAL

    return parse, spoil


def of_saml_metadata(_tmp_path: Any) -> Made:
    fields = {name: value for name, value in make_fields().items() if not name.startswith("idp_")}
    whole = [write_metadata(settings_with_key()), metadata().encode()]

    def spoil(random: Random) -> bytes:
        return spoil_bytes(whole, random)

    def parse(data: bytes) -> None:
        assert read_settings(dict(fields, idp_metadata=data.decode("utf-8", "replace"))).provider.certificates

    return parse, spoil


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "JSON Web Token": of_tokens,
    "keys of tokens": of_key_sets,
    "response of a token endpoint": of_token_responses,
    "callback of a login": of_callbacks,
    "answer to a refresh of a custom value": of_refresh_answers,
    "keytab": of_keytabs,
    "response of SAML": of_saml_responses,
    "metadata of SAML": of_saml_metadata,
}
