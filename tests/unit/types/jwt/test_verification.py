# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token has to say, and which keys may say it (C4)."""

from __future__ import annotations

import hmac
import json
import subprocess
from hashlib import sha256

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import encode_base64url, read_token
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, read_jwk, read_keys, read_secret
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, UnknownKey, verify_token
from tests.unit.types.jwt.signed import NOW, SECOND, build_fields, build_unsigned, new_key, sign

PRIVATE, PUBLIC = new_key()
KEYS = (read_jwk(PUBLIC),)
VALID = {"exp": SECOND + 60, "iss": "me"}
ALL = Expectation()


def refuse(token, keys=KEYS, expected=ALL, says="not accepted"):
    with pytest.raises(InvalidToken, match=says) as caught:
        verify_token(token, keys, expected, NOW)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("claims", "expected", "says"),
    [
        ({}, ALL, "never expires"),
        ({"exp": SECOND - 30}, ALL, "has expired"),
        ({"exp": SECOND}, Expectation(skew=0), "has expired"),
        ({"exp": True}, ALL, "'exp' is not a time"),
        ({"exp": "c4n4ry"}, ALL, "'exp' is not a time"),
        ({"exp": 10**30}, ALL, "'exp' is not a time"),
        ({**VALID, "nbf": SECOND + 31}, ALL, "not valid yet"),
        ({**VALID, "nbf": None}, ALL, "'nbf' is not a time"),
        ({**VALID, "iat": "now"}, ALL, "'iat' is not a time"),
        (VALID, Expectation(issuer="you"), "'iss'"),
        ({"exp": SECOND + 60}, Expectation(issuer="you"), "'iss'"),
        ({**VALID, "aud": "c4n4ry"}, ALL, "another audience"),
        ({**VALID, "aud": ["c4n4ry"]}, Expectation(audiences=("us",)), "another audience"),
        ({**VALID, "aud": [1]}, Expectation(audiences=("us",)), "no audience"),
        (VALID, Expectation(audiences=("us",)), "no audience"),
        ("[]", ALL, "claims are not a JSON object"),
        ('{"exp": 4102444800, "exp": 1}', ALL, "each name once"),
        ('{"exp": NaN}', ALL, "claims are not a JSON object"),
        ("[" * 5000, ALL, "claims are not a JSON object"),
    ],
)
def test_a_token_that_does_not_say_what_is_expected_is_refused_and_not_shown(claims, expected, says):
    refuse(sign(PRIVATE, claims), expected=expected, says=says)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (VALID, ALL),
        ({"exp": SECOND - 29}, ALL),
        ({"exp": SECOND + 0.5}, Expectation(skew=0)),
        ({**VALID, "nbf": SECOND + 30}, ALL),
        ({}, Expectation(requires_expiry=False)),
        ({**VALID, "aud": ["them", "us"]}, Expectation(audiences=("us", "others"))),
        ({**VALID, "aud": "us"}, Expectation(issuer="me", audiences=("us",))),
    ],
)
def test_a_token_that_says_it_is_accepted(claims, expected):
    assert verify_token(sign(PRIVATE, claims), KEYS, expected, NOW) == claims


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", None, 5, ["ES256"], "HS256", "ES256K", "dir"])
def test_no_token_without_a_signature_of_the_key_is_accepted(algorithm):
    refuse(build_unsigned({"alg": algorithm}, VALID))


@pytest.mark.parametrize("form", ["as_pem", "as_der", "as_dict"])
def test_a_public_key_is_no_secret(form):
    known = getattr(KEYS[0].native, form)(private=False)
    known = json.dumps(known).encode() if isinstance(known, dict) else known
    begun = build_unsigned({"alg": "HS256"}, VALID)[:-1]
    forged = begun + b"." + encode_base64url(hmac.new(known, begun, sha256).digest()).encode()
    refuse(forged, says="does not fit the key")
    with pytest.raises(InvalidInput):
        read_secret(known)


@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "EdDSA", "HS512"])
def test_the_type_of_a_key_decides_which_algorithm_it_verifies(algorithm):
    fields = build_fields(algorithm=algorithm)
    key = fields["key"].expose().decode()
    mine = [read_secret(key.encode())] if algorithm == "HS512" else read_keys(key.encode())
    for name in ALGORITHMS:
        same = ALGORITHMS[name].key_type == ALGORITHMS[algorithm].key_type
        fits = same and (not ALGORITHMS[name].curves or ALGORITHMS[name].curves == ALGORITHMS[algorithm].curves)
        assert mine[0].takes(name) is fits, name


def test_an_algorithm_that_is_not_among_those_wanted_is_refused():
    refuse(sign(PRIVATE, VALID), expected=Expectation(algorithms=("EdDSA",)), says="Allowed: EdDSA")


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": True}, {"kid": 5}])
def test_an_extension_that_is_not_understood_is_refused(header):
    token = sign(PRIVATE, VALID)
    changed = build_unsigned({"alg": "ES256", **header}, VALID, b"x" * 64)
    refuse(changed, says="extension|'kid'")
    assert verify_token(token, KEYS, ALL, NOW) == VALID


def test_what_the_header_says_about_keys_is_not_followed():
    other, public = new_key()
    refuse(sign(other, VALID, jwk=public, jku="https://127.0.0.1:1/c4n4ry"), says="signature")
    assert verify_token(sign(PRIVATE, VALID, x5c=["A" * 9000], jku="https://127.0.0.1:1/"), KEYS, ALL, NOW) == VALID


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + (b"A" if token[-1:] != b"A" else b"Q"),
        lambda token: token + b"=",
        lambda token: b" " + token,
        lambda token: token + b"\n",
        lambda token: token + b".",
        lambda token: token.rpartition(b".")[0],
        lambda token: token.rpartition(b".")[0] + b".",
        lambda _token: b"",
        lambda token: b"\xff" + token,
        lambda token: token + b"A" * 70000,
        lambda _token: json.dumps({"payload": "e30", "protected": "e30", "signature": ""}).encode(),
    ],
)
def test_a_spoiled_token_is_refused(spoil):
    refuse(spoil(sign(PRIVATE, VALID)))


def test_the_key_is_the_one_that_the_token_names():
    other, public = new_key()
    named = [read_jwk({**PUBLIC, "kid": "a"}), read_jwk({**public, "kid": "b"})]
    assert verify_token(sign(PRIVATE, VALID, kid="a"), named, ALL, NOW) == VALID
    refuse(sign(PRIVATE, VALID, kid="b"), named, says="signature")
    refuse(sign(PRIVATE, VALID), named, says="which one of 2 keys")
    with pytest.raises(UnknownKey):
        verify_token(sign(other, VALID, kid="c"), named, ALL, NOW)


@pytest.mark.parametrize("limit", [{"use": "enc"}, {"alg": "ES384"}, {"key_ops": ["sign"]}, {"key_ops": []}])
def test_a_key_for_something_else_verifies_nothing(limit):
    refuse(sign(PRIVATE, VALID), [read_jwk({**PUBLIC, **limit})], says="does not fit")


@pytest.mark.parametrize(
    "text",
    [
        "c4n4ry",
        "{}",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "new"}]}',
        '{"keys": 5}',
        '{"keys": ["c4n4ry"]}',
        '{"kty": "oct", "k": 5}',
        json.dumps({**PUBLIC, "x": "c4n4ry"}),
        json.dumps({**PUBLIC, "use": 5}),
        json.dumps({**PUBLIC, "key_ops": "verify"}),
        "-----BEGIN PUBLIC KEY-----\nc4n4ry\n-----END PUBLIC KEY-----",
    ],
    ids=lambda text: text[:8],  # the rest differs from one worker to the next
)
def test_keys_that_cannot_be_used_are_refused_and_not_shown(text):
    with pytest.raises(InvalidInput) as caught:
        read_keys(text.encode())
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(("algorithm", "size"), [("HS256", 31), ("HS384", 47), ("HS512", 63)])
def test_a_secret_that_is_shorter_than_the_hash_verifies_nothing(algorithm, size):
    assert not read_secret(b"s" * size).takes(algorithm)
    assert read_secret(b"s" * (size + 1)).takes(algorithm)


def test_a_key_of_an_unknown_type_leaves_the_others_of_its_set():
    keys = read_keys(json.dumps({"keys": [{"kty": "AKP", "kid": "new"}, PUBLIC]}).encode())
    assert verify_token(sign(PRIVATE, VALID), keys, ALL, NOW) == VALID


def test_openssl_verifies_what_is_issued_and_its_keys_verify_here(tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    subprocess.run(["openssl", "genpkey", *options, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    token = sign(private.read_text(), VALID, "RS256")
    assert verify_token(token, read_keys(public.read_bytes()), ALL, NOW) == VALID
    signed, _dot, signature = token.rpartition(b".")
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "signature").write_bytes(_decode(signature))
    command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", tmp_path / "signature", tmp_path / "signed"]
    assert b"Verified OK" in subprocess.run(command, check=True, capture_output=True).stdout


def test_a_certificate_of_openssl_verifies(tmp_path):
    private, certificate = tmp_path / "private.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=issuer"]
    subprocess.run([*command, "-keyout", private, "-out", certificate], check=True, capture_output=True)
    assert verify_token(sign(private.read_text(), VALID), read_keys(certificate.read_bytes()), ALL, NOW) == VALID


def _decode(part):
    return read_token(b"e30.%s.e30" % part).payload
