# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks by another key, reference, algorithm or transform, or with a part that no signature covers."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import serialization
from lxml import etree

from tests.unit.types.saml import forge
from tests.unit.types.saml.cases import Case, edit, find, signed, signed_whole
from tests.unit.types.saml.forge import (
    DS,
    ENVELOPED,
    EXCLUSIVE,
    FORGED,
    INCLUSIVE,
    REAL,
    SAML,
    SERVICE,
    USUAL,
    assertion,
    at,
    audience,
    conditions,
    encrypted,
    party,
    post,
    response,
    sign,
    transform,
)


def _public(form, encoding):
    return party("idp").certificate.public_key().public_bytes(encoding, form)


def list_keys(elsewhere):
    """A signature by a key of the attacker's."""
    attacker, idp = party("attacker"), party("idp")
    numbers = attacker.key.public_key().public_numbers()
    modulus = base64.b64encode(numbers.n.to_bytes(256, "big")).decode()
    value = (
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{0}</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>".format(
            modulus
        )
    )
    data = "<ds:X509Data><ds:X509Certificate>{0}</ds:X509Certificate></ds:X509Data>"
    both = data.format(attacker.certificate_text) + data.format(idp.certificate_text)
    infos = {
        "its certificate": (None, True),
        "its public key": (value, True),
        "both certificates": (both, True),
        "its public key and the certificate of the provider": (value + data.format(idp.certificate_text), True),
        "the certificate of the provider": (data.format(idp.certificate_text), False),
        "no key": ("", False),
        "the name of a key": ("<ds:KeyName>idp</ds:KeyName>", False),
        "an address of a key": ('<ds:RetrievalMethod URI="{0}/key"/>'.format(elsewhere), False),
    }
    for label, (info, fools) in infos.items():
        yield Case(
            "another key, KeyInfo with " + label, post(response(sign(assertion(FORGED), signer=attacker, key_info=info))), FORGED, fools
        )
    yield Case("a response by another key", post(sign(response(assertion(FORGED)), "_r1", attacker)), FORGED)
    yield Case("a response by another key around a signed assertion", post(sign(response(sign(assertion())), "_r1", attacker)))
    yield Case("an assertion by another key in a signed response", post(signed_whole(sign(assertion(), signer=attacker))))
    der, pem = serialization.Encoding.DER, serialization.Encoding.PEM
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = {
        "public key in PEM": _public(info, pem),
        "public key in DER": _public(info, der),
        "certificate in PEM": idp.certificate_pem.encode(),
        "certificate in DER": idp.certificate.public_bytes(der),
    }
    for label, secret in secrets.items():
        for method in ("hmac-sha256", "hmac-sha1"):
            text = response(sign(assertion(FORGED), method=method, secret=secret, key_info=""))
            yield Case("{0} with the {1}".format(method, label), post(text), FORGED)


def list_references(elsewhere):
    """A signature that is not of the element that is read, or names it in another way."""

    def moved(target, parent_path):
        """A signature of one element, as a child of another one."""

        def change(root):
            element = root.xpath("//*[@ID=$id]", id=target)[0]
            signature = forge.build_signature(element, party("idp"))
            (root if parent_path == "." else find(root, parent_path)).insert(1, signature)

        return edit(response(assertion()), change)

    yield Case("the response's signature in the assertion", post(moved("_r1", "saml:Assertion")))
    yield Case("the assertion's signature in the response", post(moved("_a1", ".")))
    yield Case("a signature in the status", post(moved("_a1", "samlp:Status")))
    yield Case("a signature in the subject", post(moved("_a1", "saml:Assertion/saml:Subject")))
    uris = {
        "an empty URI": ' URI=""',
        "no URI": "",
        "an XPointer": " URI=\"#xpointer(id('_a1'))\"",
        "an escaped URI": ' URI="#%5Fa1"',
        "a mark alone": ' URI="#"',
        "an address": ' URI="{0}/document"'.format(elsewhere),
        "the id without its mark": ' URI="_a1"',
    }
    for label, uri in uris.items():
        yield Case(label, post(response(sign(assertion(), uri=uri))), fools=label == "an XPointer")
    yield Case("an empty URI in a signed response", post(sign(response(assertion()), "_r1", uri=' URI=""')))
    yield Case("two references", post(response(sign(assertion(), references=lambda own: own + own))))
    yield Case("no reference", post(response(sign(assertion(FORGED), references=lambda _own: ""))), FORGED, fools=False)
    for attribute in ("Id", "id", "xml:id"):
        text = response(sign(assertion()).replace(' ID="_a1"', ' {0}="_a1"'.format(attribute)))
        yield Case("the id in the attribute {0}".format(attribute), post(text), fools=False)
    for attribute in ("Id", "id", "xml:id", "x:ID"):
        text = signed_whole(extensions='<samlp:Extensions><x:x xmlns:x="urn:x" {0}="_a1"/></samlp:Extensions>'.format(attribute))
        yield Case("an id twice, once as {0}".format(attribute), post(text))
    twice = sign(sign(assertion()))
    yield Case("two signatures", post(response(twice)))


def list_unsigned():
    """A part that no signature covers, or a signature that was broken."""
    yield Case("no signature", post(response(assertion(FORGED))), FORGED)
    yield Case("an encrypted assertion without a signature", post(response(encrypted(assertion(FORGED)))), FORGED)
    yield Case(
        "an empty signature",
        post(edit(response(assertion(FORGED)), lambda root: etree.SubElement(root, "{{{}}}Signature".format(DS)))),
        FORGED,
        False,
    )
    yield Case("a signature of the attacker's namespace", post(response(sign(assertion(FORGED)).replace(DS, "urn:x"))), FORGED)
    yield Case("another name after the signature", post(signed().replace(">" + REAL + "<", ">" + FORGED + "<")), FORGED, False)
    yield Case("another group after the signature", post(signed().replace(">users<", ">admins<")), fools=False)
    yield Case(
        "another audience after the signature",
        post(signed(conditions=conditions(audience("x"))).replace(">x<", ">" + SERVICE + "<")),
        fools=False,
    )
    yield Case("another end after the signature", post(signed().replace(at(300), at(900))), fools=False)
    yield Case(
        "another Destination after the signature",
        post(signed_whole(destination=' Destination="x"').replace('"x"', '"{0}"'.format(forge.ACS))),
        fools=False,
    )
    empty = edit(signed(FORGED), lambda root: setattr(find(root, ".//ds:SignatureValue"), "text", ""))
    yield Case("an empty signature value", post(empty), FORGED, False)
    zeros = edit(signed(FORGED), lambda root: setattr(find(root, ".//ds:SignatureValue"), "text", base64.b64encode(bytes(256)).decode()))
    yield Case("a signature value of zeros", post(zeros), FORGED, False)
    removed = edit(signed_whole(sign(assertion())), lambda root: root.remove(find(root, "ds:Signature")))
    broken = removed.replace(">" + REAL + "<", ">" + FORGED + "<")
    yield Case("the response's signature removed, and the assertion changed", post(broken), FORGED, False)
    broken = edit(sign(assertion()), lambda root: setattr(find(root, "ds:Signature/ds:SignatureValue"), "text", "AAAA"))
    yield Case("a broken signature in a signed response", post(signed_whole(broken)))
    yield Case(
        "an attribute statement beside a signed assertion",
        post(signed().replace("</samlp:Response>", forge.attributes(groups=["admins"]) + "</samlp:Response>")),
    )


def list_algorithms():
    """A signature of the identity provider's own, by an algorithm that is not accepted."""
    for method, digest in (
        ("rsa-sha1", "sha256"),
        ("rsa-md5", "sha256"),
        ("rsa-sha224", "sha256"),
        ("rsa-sha256", "sha1"),
        ("rsa-sha256", "md5"),
        ("rsa-sha256", "sha224"),
        ("pss-sha256", "sha256"),
    ):
        yield Case(
            "{0}, {1}".format(method, digest),
            post(response(sign(assertion(), method=method, digest=digest))),
        )
    text = response(sign(assertion(), signer=party("idp-ec", "ec"), method="ecdsa-sha1"))
    yield Case("ecdsa-sha1", post(text))
    for label, form in {
        "inclusive": INCLUSIVE,
        "inclusive 1.1": "http://www.w3.org/2006/12/xml-c14n11",
        "with comments": EXCLUSIVE + "WithComments",
    }.items():
        yield Case("SignedInfo in a form that is " + label, post(response(sign(assertion(), form=form))), fools=label == "with comments")
    expired = party("idp-expired", ends=forge.NOW.replace(year=2025))
    yield Case("a certificate that has ended", post(response(sign(assertion(), signer=expired))))


def make_transforms(elsewhere):
    """Lists of transforms that are not the usual one."""
    xslt = (
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
        "<xsl:copy-of select=\"document('{0}/xslt')\"/></xsl:template></xsl:stylesheet>"
    ).format(elsewhere)
    return {
        "an XSLT": transform(ENVELOPED) + transform("http://www.w3.org/TR/1999/REC-xslt-19991116", xslt) + transform(EXCLUSIVE),
        "an XSLT first": transform("http://www.w3.org/TR/1999/REC-xslt-19991116", xslt) + USUAL,
        "an XPath filter 2": transform(ENVELOPED)
        + transform(
            "http://www.w3.org/2002/06/xmldsig-filter2",
            '<x:XPath xmlns:x="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//x</x:XPath>',
        )
        + transform(EXCLUSIVE),
        "base64": transform(ENVELOPED) + transform(DS + "base64"),
        "one that is not known": transform(ENVELOPED) + transform("urn:x") + transform(EXCLUSIVE),
        "none": "",
        "the enveloped one alone": transform(ENVELOPED),
        "the canonical one alone": transform(EXCLUSIVE),
        "the other order": transform(EXCLUSIVE) + transform(ENVELOPED),
        "one twice": transform(ENVELOPED) + transform(EXCLUSIVE) + transform(EXCLUSIVE),
        "a hundred": transform(ENVELOPED) * 100 + transform(EXCLUSIVE),
        "a part that is not known": transform(ENVELOPED, "<x xmlns='urn:x'/>") + transform(EXCLUSIVE),
        "prefixes in both": transform(ENVELOPED, '<x:InclusiveNamespaces xmlns:x="{0}" PrefixList=""/>'.format(EXCLUSIVE))
        + transform(EXCLUSIVE, '<x:InclusiveNamespaces xmlns:x="{0}" PrefixList=""/>'.format(EXCLUSIVE)),
    }


def drop_name(copy):
    """An assertion without its name."""
    name = find(copy, "saml:Subject/saml:NameID")
    name.getparent().remove(name)
    return copy


def list_transforms(elsewhere):
    """A signature that changes what it signs, so that something is not covered; or makes a reader run a program."""
    xpath = '<ds:XPath xmlns:saml="{0}">not(ancestor-or-self::saml:NameID)</ds:XPath>'.format(SAML)
    filtered = transform(ENVELOPED) + transform("http://www.w3.org/TR/1999/REC-xpath-19991116", xpath) + transform(EXCLUSIVE)
    text = response(sign(assertion(), transforms=filtered, payload=drop_name))
    yield Case("an XPath filter, so that the name is not covered", post(text.replace(">" + REAL + "<", ">" + FORGED + "<")), FORGED)
    for label, transforms in make_transforms(elsewhere).items():
        form = INCLUSIVE if label == "the enveloped one alone" else EXCLUSIVE
        text = response(sign(assertion(), transforms=transforms, payload_form=form))
        yield Case("transforms: " + label, post(text), fools=label not in ("base64", "none", "the canonical one alone"))
    for label, form in {"inclusive": INCLUSIVE, "with comments": EXCLUSIVE + "WithComments"}.items():
        text = response(sign(assertion(), transforms=transform(ENVELOPED) + transform(form), payload_form=form))
        yield Case("a payload in a form that is " + label, post(text))
