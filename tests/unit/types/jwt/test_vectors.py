# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of RFC 7515, 7519 and 8037, and Wycheproof's vectors of signatures, keys and encrypted tokens, each file whole."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import read_jwk, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, verify_signature, verify_token
from tests.conftest import CHECKOUT

VECTORS = CHECKOUT / "tests" / "vectors" / "wycheproof"
CLAIMS = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
IN_TIME = datetime(2011, 3, 22, 18, 0, tzinfo=timezone.utc)
SECRET = {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}
RSA = {
    "kty": "RSA",
    "e": "AQAB",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
}
P256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
P521 = {
    "kty": "EC",
    "crv": "P-521",
    "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
    "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
}
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
A1 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + CLAIMS + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
A2 = (
    "eyJhbGciOiJSUzI1NiJ9." + CLAIMS + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F"
    "p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383"
    "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_I"
    "oypGlUPQGe77Rw"
)
A3 = "eyJhbGciOiJFUzI1NiJ9." + CLAIMS + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
A4 = (
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8G"
    "aSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
)
UNSECURED = "eyJhbGciOiJub25lIn0." + CLAIMS + "."
RFC8037 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
KNOWN = [(SECRET, A1), (RSA, A2), (P256, A3), (P521, A4), (ED25519, RFC8037)]
NOT_AS_SAID = {
    # The JWK says PS256 (346, 350) or ES521, which is no algorithm (347, 351); the token says PS384 or ES512.
    "json_web_signature_test": {
        346: "valid",
        347: "valid",
        350: "valid",
        351: "valid",
        # '?' is no character of base64url (RFC 7515 section 2).
        372: "valid",
        373: "valid",
        # They are, byte for byte, the valid token of case 357.
        367: "invalid",
        370: "invalid",
    },
    "json_web_key_test": {},
    # Encrypted tokens, which are refused.
    "json_web_crypto_test": {50: "valid", 67: "valid"},
    "json_web_encryption_test": dict.fromkeys(
        (1, 23, *range(28, 36), *range(52, 63), *range(66, 94), *range(100, 106), 112, 121, *range(128, 136)), "valid"
    ),
}
CASES = {"json_web_signature_test": 401, "json_web_key_test": 26, "json_web_crypto_test": 83, "json_web_encryption_test": 139}


@pytest.mark.parametrize(("key", "token"), KNOWN, ids=["A.1", "A.2", "A.3", "A.4", "8037"])
def test_an_example_of_an_rfc_is_verified_by_its_own_key_alone(key, token):
    assert verify_signature(token.encode(), [read_jwk(key)]).payload
    for other, _token in KNOWN:
        if other is not key:
            with pytest.raises(InvalidToken):
                verify_signature(token.encode(), [read_jwk(other)])


@pytest.mark.parametrize(("key", "token"), KNOWN[:3])
def test_the_claims_of_the_example_are_read(key, token):
    claims = verify_token(token.encode(), [read_jwk(key)], Expectation(issuer="joe"), IN_TIME)
    assert claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


@pytest.mark.parametrize("key", [key for key, _token in KNOWN])
def test_an_unsecured_token_is_refused_with_any_key(key):
    with pytest.raises(InvalidToken, match="algorithm"):
        verify_token(UNSECURED.encode(), [read_jwk(key)], Expectation(), IN_TIME)


@pytest.mark.parametrize("name", sorted(NOT_AS_SAID))
def test_every_vector_of_wycheproof_has_its_result_but_for_those_listed(name):
    other, results = {}, Counter()
    for group in json.loads((VECTORS / (name + ".json")).read_text(encoding="utf-8"))["testGroups"]:
        for case in group["tests"]:
            results[case["result"]] += 1
            if find_result(group, case) != case["result"]:
                other[case["tcId"]] = case["result"]
    assert other == NOT_AS_SAID[name]
    assert sum(results.values()) == CASES[name]


def find_result(group, case):
    token = case["jws"] if "jws" in case else case["jwe"]
    try:
        keys = read_keys(json.dumps(group.get("public") or group["private"]).encode())
        verify_signature((token if isinstance(token, str) else json.dumps(token)).encode(), keys)
    except (InvalidInput, InvalidToken):
        return "invalid"
    return "valid"
