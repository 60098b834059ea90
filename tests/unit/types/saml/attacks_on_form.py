# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks by what a document is written with: comments, DTDs, encodings, sizes, base64."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

from tests.unit.types.saml.cases import Case, signed
from tests.unit.types.saml.forge import (
    FORGED,
    IDP,
    SERVICE,
    assertion,
    party,
    post,
    response,
    sign,
)


def list_split_texts():
    """A text is read up to a comment. What was signed is the name of somebody whose name begins like that of the victim."""
    longer = FORGED + ".attacker.example.com"
    splits = {"a comment": "<!-- -->", "an instruction": "<?x?>", "CDATA": "<![CDATA[]]>"}
    for label, split in splits.items():
        text = signed(longer).replace(">" + longer, ">" + longer.replace(".attacker", split + ".attacker"))
        yield Case("{0} in a name".format(label), post(text), FORGED, fools=label == "a comment")
        value = signed().replace(">users<", ">us{0}ers<".format(split))
        yield Case("{0} in an attribute".format(label), post(value), fools=label != "an instruction")
    for label, (old, new) in {
        "in an audience": (SERVICE + "</saml:Audience>", SERVICE + "<!-- -->.example.net</saml:Audience>"),
        "in an issuer": (IDP + "</saml:Issuer>", IDP + "<!-- -->.example.net</saml:Issuer>"),
    }.items():
        whole = old.replace("</", ".example.net</")
        text = response(sign(assertion().replace(old, whole))).replace(whole, new)
        yield Case("a comment " + label, post(text))
    yield Case("a comment before the document", post("<!-- -->" + signed()))
    yield Case("a comment after the document", post(signed() + "<!-- -->"))
    yield Case("an instruction before the document", post('<?xml-stylesheet href="x"?>' + signed()))
    text = signed().replace("<ds:SignatureValue>", "<ds:SignatureValue><!-- -->")
    yield Case("a comment in the signature", post(text))


def list_declarations(elsewhere):
    """A DTD, which declares entities, loads a file or an address, or gives elements attributes."""
    name = "<saml:NameID>{0}</saml:NameID>"

    def declared(inner, value="&e;", external=""):
        text = signed(FORGED).replace(name.format(FORGED), name.format(value))
        return "<!DOCTYPE x{0} [{1}]>".format(external, inner) + text

    laughs = '<!ENTITY a "ha"><!ENTITY b "{0}"><!ENTITY e "{1}">'.format("&a;" * 10, "&b;" * 10)
    found = {
        "an entity": (declared('<!ENTITY e "{0}">'.format(FORGED)), True),
        "an entity of a file": (declared('<!ENTITY e SYSTEM "file:///etc/hostname">'), False),
        "an entity of an address": (declared('<!ENTITY e SYSTEM "{0}/entity">'.format(elsewhere)), False),
        "a parameter entity": (declared('<!ENTITY % p SYSTEM "{0}/parameter"> %p;'.format(elsewhere), FORGED), True),
        "an external DTD": (declared("", FORGED, ' SYSTEM "{0}/dtd"'.format(elsewhere)), True),
        "entities of entities": (declared(laughs), False),
        "an attribute by default": (declared('<!ATTLIST saml:NameID Format CDATA "x">', FORGED), True),
        "an empty DTD": ("<!DOCTYPE x>" + signed(FORGED), True),
    }
    for label, (text, fools) in found.items():
        yield Case("a DTD with " + label, post(text), FORGED if fools else None, fools=fools)


def _public(form, encoding):
    return party("idp").certificate.public_key().public_bytes(encoding, form)


def list_encodings():
    """Documents in another encoding than the one that is read."""
    declared = '<?xml version="1.0" encoding="{0}"?>{1}'
    found = {
        "UTF-16": (declared.format("UTF-16", signed()).encode("utf-16"), True),
        "UTF-16 without a declaration": (signed().encode("utf-16"), True),
        "a declaration of Latin 1": (declared.format("ISO-8859-1", signed()).encode(), True),
        "a declaration of UTF-7": (declared.format("UTF-7", signed()).encode(), False),
        "XML 1.1": (declared.replace("1.0", "1.1").format("UTF-8", signed()).encode(), True),
        "two declarations": (declared.format("UTF-8", declared.format("UTF-8", signed())).encode(), True),
        "bytes that are no UTF-8": (signed().encode().replace(b">users<", b">us\xffers<"), False),
        "a zero": (signed().encode() + b"\0", True),
        "no XML": (b"SAMLResponse", False),
        "a cut document": (signed().encode()[:-5], True),
        "something after the document": (signed().encode() + b"<x/>", True),
    }
    for label, (text, fools) in found.items():
        yield Case(label, post(text), fools=fools)


def list_sizes():
    """Documents that exceed a limit, and are right in any other way."""

    def with_more(more):
        return sign(response(assertion(), extensions="<samlp:Extensions>{0}</samlp:Extensions>".format(more)), "_r1")

    yield Case("a long document", post(with_more("<x>{0}</x>".format("y" * 400000))))
    yield Case("a long text in base64", post(with_more("<x>{0}</x>".format("y" * 530000))))
    yield Case("too many elements", post(with_more("<x/>" * 10001)))
    yield Case("too deep", post(with_more("<x>" * 40 + "</x>" * 40)))


def list_base64():
    """Texts that are not quite base64."""
    text = post(signed())
    document = signed().encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    found = {
        "a character that is none of its": text[:8] + "!" + text[8:],
        "a blank in it": text[:8] + " " + text[8:],
        "escaped for a URL": quote(text, safe=""),
        "a text twice encoded": base64.b64encode(text.encode()).decode(),
        "a deflated document": base64.b64encode(packer.compress(document) + packer.flush()).decode(),
        "a letter that is no ASCII": text + "ä",
    }
    for label, value in found.items():
        yield Case("base64: " + label, value, fools=label not in ("a text twice encoded", "escaped for a URL"))
    for ending in range(3):
        whole = base64.b64encode(document + b" " * ending).decode()
        if whole.endswith("="):
            yield Case("base64: {0} marks missing".format(whole.count("=")), whole.rstrip("="))
        if whole.endswith("=") and whole[-2] != "=":
            last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            yield Case("base64: bits that are not used", whole[:-2] + last[last.index(whole[-2]) + 1] + "=")
