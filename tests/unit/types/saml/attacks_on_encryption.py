# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted assertions that are refused."""

from __future__ import annotations

from lxml import etree

from tests.unit.types.saml import forge
from tests.unit.types.saml.cases import Case, edit, find, signed_whole
from tests.unit.types.saml.forge import (
    FORGED,
    REAL,
    XENC,
    assertion,
    audience,
    conditions,
    encrypted,
    party,
    post,
    response,
    sign,
)

FOOLING = (
    "a key by RSA 1.5",
    "AES-CBC outside of a signed response",
    "3DES",
    "no type",
    "the type of a content",
    "two keys",
    "a part of the key that is not known",
    "a reference beside the data",
)
"""The changes of an encrypted assertion that a naive reader does not mind."""


def make_changes(elsewhere):
    """Changes of how an assertion is encrypted."""

    def reference(_value):
        return '<xenc:CipherReference URI="{0}/cipher"/>'.format(elsewhere)

    def flip(value):
        return value[:-1] + bytes([value[-1] ^ 1])

    retrieval = '<ds:RetrievalMethod Type="{0}EncryptedKey" URI="{1}/key"/>'.format(XENC, elsewhere)
    return {
        "a reference to the data": {"data_value": reference},
        "a reference to the key": {"key_value": reference},
        "a reference beside the data": {"data_value": lambda value: forge.cipher_value(value) + reference(value)},
        "an address of the key": {"info": retrieval, "keys": lambda _own: ""},
        "no key": {"keys": lambda _own: ""},
        "two keys": {"keys": lambda own: own + own},
        "a key of another service": {"receiver": party("other")},
        "a key by RSA 1.5": {"transport": "rsa-1_5"},
        "AES-CBC outside of a signed response": {"data": "aes256-cbc"},
        "3DES": {"data": "tripledes-cbc"},
        "no type": {"type": ""},
        "the type of a content": {"type": ' Type="{0}Content"'.format(XENC)},
        "changed bytes": {"cut": flip},
        "cut bytes": {"cut": lambda value: value[:20]},
        "no bytes": {"cut": lambda _value: b""},
        "a part of the key that is not known": {
            "keys": lambda own: own.replace("</xenc:EncryptedKey>", "<xenc:EncryptionProperties/></xenc:EncryptedKey>")
        },
    }


def make_contents(inner):
    """What decryption brings: a text, the name that it claims, and whether a naive reader accepts it."""
    return {
        "a text": ("x", None, False),
        "two assertions": (inner + sign(assertion(FORGED)), FORGED, False),
        "an assertion around another one": (
            edit(assertion(FORGED, id=' ID="_a2"'), lambda root: root.append(etree.fromstring(inner))),
            FORGED,
            True,
        ),
        "an unsigned assertion": (assertion(FORGED), FORGED, True),
        "an assertion by another key": (sign(assertion(FORGED), signer=party("attacker")), FORGED, True),
        "an encrypted assertion": (encrypted(inner), None, False),
        "a comment": (inner.replace(">" + REAL, "><!-- -->" + REAL), None, True),
        "a DTD": ('<!DOCTYPE x [<!ENTITY e "x">]>' + inner, None, True),
        "a response": (response(inner), None, True),
        "an assertion that has ended": (sign(assertion(conditions=conditions(until=-61))), None, True),
        "an assertion for another audience": (sign(assertion(conditions=conditions(audience("x")))), None, True),
        "an id twice": (
            sign(assertion(attributes=forge.attributes(groups=["a"]).replace("<saml:AttributeValue", '<saml:AttributeValue id="_a1"'))),
            None,
            True,
        ),
        "a signature in an attribute": (
            edit(inner, lambda root: find(root, ".//saml:AttributeValue").append(forge.build_signature(root, party("idp")))),
            None,
            True,
        ),
        "too many elements": (sign(assertion(attributes=forge.attributes(groups=["x"] * 5001))), None, True),
    }


def list_encrypted(elsewhere):
    """Encrypted assertions: what makes a reader fetch an address or help to find out the key, and what decryption brings."""
    inner = sign(assertion())
    contents = make_contents(inner)
    for label, parts in make_changes(elsewhere).items():
        yield Case("encrypted: " + label, post(response(encrypted(inner, **parts))), fools=label in FOOLING)
    yield Case("encrypted: 3DES in a signed response", post(signed_whole(encrypted(assertion(), data="tripledes-cbc"))))
    yield Case("encrypted: RSA 1.5 in a signed response", post(signed_whole(encrypted(assertion(), transport="rsa-1_5"))))
    yield Case("encrypted, and the service has no key", post(response(encrypted(inner))), has_key=False)
    for label, (text, claims, fools) in contents.items():
        yield Case("encrypted: " + label, post(response(encrypted(text))), claims, fools)
    for label in ("an id twice", "a comment"):
        yield Case("encrypted in a signed response: " + label, post(signed_whole(encrypted(contents[label][0]))))
