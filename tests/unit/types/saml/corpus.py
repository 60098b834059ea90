# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The corpus of responses: those that are accepted, and attacks. Each is made with the keys of this process; none is a file."""

from __future__ import annotations

from tests.unit.types.saml.attacks_by_wrapping import list_wrapped
from tests.unit.types.saml.attacks_on_content import list_conditions, list_structures
from tests.unit.types.saml.attacks_on_encryption import list_encrypted
from tests.unit.types.saml.attacks_on_form import list_base64, list_declarations, list_encodings, list_sizes, list_split_texts
from tests.unit.types.saml.attacks_on_signatures import list_algorithms, list_keys, list_references, list_transforms, list_unsigned
from tests.unit.types.saml.cases import Case, signed, signed_whole
from tests.unit.types.saml.forge import (
    ENVELOPED,
    EXCLUSIVE,
    SERVICE,
    assertion,
    at,
    audience,
    conditions,
    confirmation,
    encrypted,
    party,
    post,
    response,
    sign,
    statement,
    transform,
)


def list_valid():
    """The responses that are accepted, each of `REAL`."""
    twice = conditions(audience("https://other.example.com", SERVICE) + audience(SERVICE) + "<saml:OneTimeUse/>")
    found = {
        "a signed assertion": signed(),
        "a signed response": signed_whole(),
        "both signed": sign(response(sign(assertion())), "_r1"),
        "SHA-384": response(sign(assertion(), method="rsa-sha384", digest="sha384")),
        "SHA-512": response(sign(assertion(), method="rsa-sha512", digest="sha512")),
        "ECDSA, with the second certificate of the configuration": response(
            sign(assertion(), signer=party("idp-ec", "ec"), method="ecdsa-sha256")
        ),
        "no KeyInfo": response(sign(assertion(), key_info="")),
        "prefixes that are included": response(
            sign(
                assertion(),
                transforms=transform(ENVELOPED)
                + transform(EXCLUSIVE, '<x:InclusiveNamespaces xmlns:x="{0}" PrefixList="samlp"/>'.format(EXCLUSIVE)),
                prefixes=["samlp"],
            )
        ),
        "two restrictions that both name the service": signed(conditions=twice),
        "clocks that differ by 50 s": signed(
            issued=at(50), conditions=conditions(begins=50, until=-50), confirmations=confirmation(until=-50), statements=statement(50)
        ),
        "a declaration, and lines": '<?xml version="1.0" encoding="UTF-8"?>\n' + signed(),
        "an encrypted assertion": response(encrypted(sign(assertion()))),
        "an encrypted assertion, its key beside the data and by SHA-256": response(
            encrypted(sign(assertion()), beside=True, transport="rsa-oaep", data="aes128-gcm")
        ),
        "an assertion encrypted by AES-CBC in a signed response": signed_whole(encrypted(assertion(), data="aes256-cbc")),
    }
    return [Case(name, post(text)) for name, text in found.items()]


def list_attacks(elsewhere):
    """The responses that are refused. `elsewhere` is the address of a server that none may have reached."""
    groups = (
        list_wrapped(),
        list_split_texts(),
        list_declarations(elsewhere),
        list_keys(elsewhere),
        list_references(elsewhere),
        list_unsigned(),
        list_algorithms(),
        list_transforms(elsewhere),
        list_conditions(),
        list_structures(),
        list_encrypted(elsewhere),
        list_encodings(),
        list_sizes(),
        list_base64(),
    )
    return [case for group in groups for case in group]
