# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of the types `wireguard` and `age`."""

from __future__ import annotations

import base64

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.key_pairs import Age, WireGuard

WIREGUARD, AGE = WireGuard(), Age()
CANARY = "c4n4ry-c4n4ry"


def shown(kind, fields, field):
    return kind.read(fields, {}, field).expose().decode()


def test_two_peers_of_wireguard_agree_on_a_secret_by_the_public_keys_that_are_read():
    peers = [WIREGUARD.generate({}, {}) for _peer in range(2)]
    secrets = []
    for one, other in (peers, peers[::-1]):
        private = X25519PrivateKey.from_private_bytes(base64.b64decode(shown(WIREGUARD, one, "private_key")))
        public = X25519PublicKey.from_public_bytes(base64.b64decode(shown(WIREGUARD, other, "public_key")))
        secrets.append(private.exchange(public))
    assert secrets[0] == secrets[1]


def test_a_key_of_wireguard_has_the_bits_that_wireguard_fixes():
    for _key in range(32):
        key = base64.b64decode(shown(WIREGUARD, WIREGUARD.generate({}, {}), "private_key"))
        assert (len(key), key[0] & 7, key[31] & 192) == (32, 0, 64)


def test_age_decrypts_with_an_identity_what_was_encrypted_to_its_recipient():
    fields = AGE.validate(AGE.generate({}, {}))
    recipient = pyrage.x25519.Recipient.from_str(shown(AGE, fields, "recipient"))
    identity = pyrage.x25519.Identity.from_str(shown(AGE, fields, "identity"))
    assert pyrage.decrypt(pyrage.encrypt(b"text", [recipient]), [identity]) == b"text"


@pytest.mark.parametrize("kind", [WIREGUARD, AGE], ids=["wireguard", "age"])
def test_a_given_key_loses_its_newline_and_its_public_half_is_no_secret(kind):
    made = kind.generate({}, {})[kind.primary].expose()
    assert kind.validate({kind.primary: Secret(made + b"\n")})[kind.primary].expose() == made
    assert not kind.is_secret(kind.public)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (WIREGUARD, CANARY),
        (WIREGUARD, base64.b64encode(CANARY.encode()).decode()),
        (WIREGUARD, "ä"),
        (AGE, CANARY),
        (AGE, "AGE-SECRET-KEY-1"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(kind, wrong):
    with pytest.raises(InvalidInput, match="is no private key") as refused:
        kind.validate({kind.primary: Secret(wrong)})
    with pytest.raises(InvalidToken, match="holds no private key") as unread:
        kind.read({kind.primary: Secret(wrong)}, {}, kind.public)
    for error in (refused.value, unread.value):
        assert CANARY not in str(error)
        assert error.__cause__ is None
