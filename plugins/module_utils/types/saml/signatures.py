# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures in documents of SAML, by signxml: where they may be, of what they may consist, and what they are verified with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, FrozenSet, List, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.types.saml.documents import (
    DS,
    SAML,
    SAMLP,
    find_child,
    find_children,
    name_of,
    need_child,
    parse,
    refusal,
    write,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from lxml.etree import _Element as Element

    from ansible_collections.nebula.credential.plugins.module_utils.types.saml.keys import ServiceKey

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = DS + "enveloped-signature"
_SIGNED = (name_of(SAMLP, "Response"), name_of(SAML, "Assertion"))
"""The elements that a signature may be a child of."""
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHODS: FrozenSet[str] = frozenset(_MORE + "{0}-sha{1}".format(key, bits) for key in ("rsa", "ecdsa") for bits in (256, 384, 512))
DIGESTS: FrozenSet[str] = frozenset(
    ("http://www.w3.org/2001/04/xmlenc#sha256", _MORE + "sha384", "http://www.w3.org/2001/04/xmlenc#sha512")
)
RSA_SHA256 = _MORE + "rsa-sha256"


def check_ids(root: Element) -> None:
    """Check that no two elements of a document have the same id, whatever the case and the prefix of the attribute.

    Raises:
        InvalidCallback: two have.
    """
    seen: List[str] = []
    for element in root.iter():
        seen.extend(value for name, value in element.attrib.items() if name.rpartition("}")[2].lower() == "id")
    if len(set(seen)) != len(seen):
        raise refusal("an id is there twice")


def check_signatures(root: Element) -> None:
    """Check that each signature of a document is of the form that is verified, at a place where it is verified.

    Raises:
        InvalidCallback: one is not.
    """
    for element in root.iter(name_of(DS, "Signature")):
        parent = element.getparent()
        if parent is None or parent.tag not in _SIGNED:
            raise refusal("there is a signature where none belongs")
        find_child(parent, DS, "Signature")
        _check_form(element, parent.get("ID") or "")


def find_signature(element: Element) -> Optional[Element]:
    """Return the signature of a response or an assertion; None if it has none of its own."""
    return find_child(element, DS, "Signature")


def verify(element: Element, certificates: Sequence[Certificate], now: datetime) -> Element:
    """Return what was signed of an element, parsed anew, without the signature. Nothing else of it was signed.

    Args:
        element: a response or an assertion with a signature that `check_signatures` has seen.
        certificates: those of the identity provider. What the document says of keys is not used.
        now: the time at which a certificate has to be valid.

    Raises:
        InvalidCallback: none of the certificates verifies it.
    """
    for certificate in certificates:
        signed = _verify_with(write(element), certificate, now)
        if signed is not None and signed.tag == element.tag and signed.get("ID") == element.get("ID"):
            return signed
    raise refusal("its signature is not one of the identity provider")


def sign(element: Element, key: ServiceKey) -> Element:
    """Return a copy of a request with its signature, which has to be the second child, after the issuer."""
    from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
    from signxml.signer import XMLSigner

    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm="rsa-sha256",
        digest_algorithm="sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed: Element = signer.sign(
        element, key=key.key, cert=[key.certificate], reference_uri="#" + (element.get("ID") or ""), id_attribute="ID"
    )
    signed.insert(1, need_child(signed, DS, "Signature"))
    return signed


def _check_form(signature: Element, signed_id: str) -> None:
    parts = [child.tag for child in signature]
    allowed = [name_of(DS, name) for name in ("SignedInfo", "SignatureValue", "KeyInfo")]
    if parts not in (allowed, allowed[:2]):
        raise refusal("a signature does not consist of what one needs")
    info = need_child(signature, DS, "SignedInfo")
    method = need_child(info, DS, "CanonicalizationMethod")
    if method.get("Algorithm") != EXCLUSIVE:
        raise refusal("a signature is written in another form than exclusive XML")
    if need_child(info, DS, "SignatureMethod").get("Algorithm") not in METHODS:
        raise refusal("a signature has an algorithm that is not accepted")
    _check_reference(need_child(info, DS, "Reference"), signed_id)


def _check_reference(reference: Element, signed_id: str) -> None:
    if not signed_id or reference.get("URI") != "#" + signed_id:
        raise refusal("a signature is not of the element that it is in")
    if need_child(reference, DS, "DigestMethod").get("Algorithm") not in DIGESTS:
        raise refusal("a signature has an algorithm that is not accepted")
    transforms = find_children(need_child(reference, DS, "Transforms"), DS, "Transform")
    if [each.get("Algorithm") for each in transforms] != [_ENVELOPED, EXCLUSIVE]:
        raise refusal("a signature changes what it signs in another way than it has to")
    if [each.tag for part in transforms for each in part] not in ([], [name_of(EXCLUSIVE, "InclusiveNamespaces")]):
        raise refusal("a signature changes what it signs in another way than it has to")


def _verify_with(document: bytes, certificate: Certificate, now: datetime) -> Optional[Element]:
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    config = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset(map(SignatureMethod, METHODS)),
        digest_algorithms=frozenset(map(DigestAlgorithm, DIGESTS)),
        verification_time=now,
    )
    try:
        found: Any = XMLVerifier().verify(document, x509_cert=certificate, expect_config=config, id_attribute="ID")
        return parse(found.signed_data)
    except Exception:  # noqa: BLE001  # whatever the libraries cannot verify is not verified; their texts may quote the document
        return None
