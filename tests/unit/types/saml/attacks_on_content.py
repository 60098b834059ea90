# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses that the identity provider has signed, for another service, request or time, or of another form."""

from __future__ import annotations

from tests.unit.types.saml import forge
from tests.unit.types.saml.cases import Case, signed, signed_whole
from tests.unit.types.saml.forge import (
    FORGED,
    IDP,
    REAL,
    SAML,
    SAMLP,
    SERVICE,
    assertion,
    at,
    audience,
    conditions,
    confirmation,
    encrypted,
    post,
    response,
    sign,
    statement,
)

CONDITIONS = {
    "another audience": {"conditions": conditions(audience("https://other.example.com"))},
    "no audience": {"conditions": conditions("")},
    "an empty restriction": {"conditions": conditions(audience())},
    "two restrictions, one of another audience": {"conditions": conditions(audience(SERVICE) + audience("https://other.example.com"))},
    "an audience that begins like the service": {"conditions": conditions(audience(SERVICE + "/x"))},
    "no conditions": {"conditions": ""},
    "conditions twice": {"conditions": conditions() * 2},
    "an assertion that has ended": {"conditions": conditions(until=-61)},
    "an assertion that is not valid yet": {"conditions": conditions(begins=61)},
    "a condition that is not known": {"conditions": conditions(audience(SERVICE) + "<saml:Condition/>")},
    "a condition of another namespace": {"conditions": conditions(audience(SERVICE) + '<x xmlns="urn:x"/>')},
    "a time that is none": {"conditions": conditions().replace(at(300), "tomorrow")},
    "a time that is not in UTC": {"conditions": conditions().replace(at(300), at(300).replace("Z", "+00:00"))},
    "a time of a month that is none": {"conditions": conditions().replace(at(300), "2026-13-30T12:05:00Z")},
    "a confirmation that has ended": {"confirmations": confirmation(until=-61)},
    "a confirmation without an end": {"confirmations": confirmation(until=None)},
    "a confirmation with a beginning": {"confirmations": confirmation(more=' NotBefore="{0}"'.format(at(-60)))},
    "another recipient": {"confirmations": confirmation(recipient="https://other.example.com/acs")},
    "no recipient": {"confirmations": confirmation(recipient=None)},
    "an assertion for another request": {"confirmations": confirmation(answers="_request-2")},
    "an assertion for no request": {"confirmations": confirmation(answers=None)},
    "a confirmation by a key": {"confirmations": confirmation(forge.BEARER.replace("bearer", "holder-of-key"))},
    "a confirmation by a key beside that of the bearer": {
        "confirmations": confirmation() + confirmation(forge.BEARER.replace("bearer", "sender-vouches"))
    },
    "no confirmation": {"confirmations": ""},
    "a confirmation without data": {"confirmations": '<saml:SubjectConfirmation Method="{0}"/>'.format(forge.BEARER)},
    "a second confirmation for another recipient": {"confirmations": confirmation() + confirmation(recipient="x")},
    "no login": {"statements": ""},
    "a login in the future": {"statements": statement(61)},
    "a login without a time": {"statements": statement().replace("AuthnInstant", "Instant")},
    "a session that has ended": {"statements": statement(session=' SessionNotOnOrAfter="{0}"'.format(at(-61)))},
    "a second session that has ended": {"statements": statement() + statement(session=' SessionNotOnOrAfter="{0}"'.format(at(-61)))},
    "an assertion of the future": {"issued": at(61)},
    "an assertion without a time": {"issued": ""},
    "another version of the assertion": {"version": "1.1"},
    "another issuer of the assertion": {"issuer": "<saml:Issuer>https://other.example.com</saml:Issuer>"},
    "no issuer of the assertion": {"issuer": "<saml:Advice/>"},
    "an issuer of another format": {"issuer": '<saml:Issuer Format="urn:x">{0}</saml:Issuer>'.format(IDP)},
}

FAILED = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{0}">{1}</samlp:StatusCode>'
RESPONSES = {
    "another Destination": {"destination": ' Destination="https://other.example.com/acs"'},
    "no Destination": {"destination": ""},
    "a response to another request": {"answers": ' InResponseTo="_request-2"'},
    "a response to no request": {"answers": ""},
    "another version": {"version": "1.1"},
    "another issuer": {"issuer": "<saml:Issuer>https://other.example.com</saml:Issuer>"},
    "no issuer": {"issuer": "<samlp:Extensions/>"},
    "a refusal": {"status": FAILED.format("Responder", "")},
    "a refusal with success in it": {"status": FAILED.format("Responder", forge.SUCCESS)},
    "two codes": {"status": FAILED.format("Responder", "") + forge.SUCCESS},
    "no code": {"status": ""},
}


def list_conditions():
    """Responses that the identity provider has signed, for another service, request or time; or an old one."""
    for label, parts in CONDITIONS.items():
        yield Case(label, post(signed(**parts)))
    for label, parts in RESPONSES.items():
        yield Case(label + ", signed", post(signed_whole(**parts)))
        if label != "no issuer":
            yield Case(label + ", with a signed assertion", post(response(sign(assertion()), **parts)))
    yield Case(
        "no issuer of a response with an encrypted assertion", post(response(encrypted(sign(assertion())), issuer="<samlp:Extensions/>"))
    )
    yield Case("an assertion that was accepted before", post(signed()), seen=frozenset({"_a1"}))
    yield Case("an assertion that was accepted before, in another response", post(signed_whole(id=' ID="_r1"')), seen=frozenset({"_a1"}))


NAME = "<saml:NameID>{0}</saml:NameID>"
STRUCTURES = {
    "no name": {"name_id": ""},
    "an empty name": {"name_id": "<saml:NameID/>"},
    "two names": {"name_id": NAME.format(REAL) + NAME.format(FORGED)},
    "a name with an element": {"name_id": NAME.format(REAL + "<x/>" + FORGED)},
    "a base id": {"name_id": '<saml:BaseID NameQualifier="{0}"/>'.format(REAL)},
    "a name in another namespace": {"name_id": '<x:NameID xmlns:x="urn:x">{0}</x:NameID>'.format(FORGED)},
    "a second subject": {"more": "<saml:Subject>{0}{1}</saml:Subject>".format(NAME.format(FORGED), confirmation())},
    "a second issuer": {"more": "<saml:Issuer>{0}</saml:Issuer>".format(IDP)},
    "a part that is not known": {"more": '<x xmlns="urn:x"/>'},
    "a statement that is not known": {"more": "<saml:Statement/>"},
    "an attribute with an element": {"attributes": forge.attributes(groups=["<x/>admins"])},
    "an attribute without a name": {"attributes": forge.attributes(groups=["a"]).replace(' Name="groups"', "")},
    "an encrypted attribute": {"attributes": "<saml:AttributeStatement><saml:EncryptedAttribute/></saml:AttributeStatement>"},
}


def list_structures():
    """Parts that are there twice, are missing, or are others than those that are read."""
    for label, parts in STRUCTURES.items():
        yield Case(label, post(signed(**parts)), fools=label != "no name")
    name = NAME.format(FORGED).replace("NameID>", 'NameID xmlns:saml="{0}">'.format(SAML), 1)
    yield Case("an encrypted name", post(signed(name_id=encrypted(name).replace("EncryptedAssertion", "EncryptedID"))))
    yield Case("two assertions", post(response(sign(assertion()), sign(assertion(FORGED, id=' ID="_a2"'), "_a2"))), FORGED)
    yield Case("two assertions in a signed response", post(signed_whole(assertion(), assertion(FORGED, id=' ID="_a2"'))), FORGED)
    yield Case(
        "two encrypted assertions",
        post(
            response(encrypted(sign(assertion())), encrypted(sign(assertion(FORGED)))),
        ),
        FORGED,
    )
    yield Case(
        "an assertion beside an encrypted one", post(response(sign(assertion()), encrypted(assertion(FORGED, id=' ID="_a2"')))), FORGED
    )
    yield Case("no assertion", post(sign(response(), "_r1")), fools=False)
    yield Case("a part of a response that is not known", post(signed_whole(extensions='<x xmlns="urn:x"/>')))
    yield Case("a second status", post(signed_whole(extensions="<samlp:Status>{0}</samlp:Status>".format(forge.SUCCESS))))
    yield Case("an assertion alone", post(sign(assertion(FORGED))), FORGED)
    for tag in ("LogoutResponse", "ArtifactResponse", "AuthnRequest"):
        yield Case("a {0}".format(tag), post(sign(response(assertion()).replace("samlp:Response", "samlp:" + tag), "_r1")))
    for label, old, new in (
        ("a response of SAML 1", SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol"),
        ("an assertion of SAML 1", SAML, "urn:oasis:names:tc:SAML:1.0:assertion"),
        ("an assertion of no namespace", SAML, "urn:x"),
    ):
        yield Case(label, post(sign(response(assertion()).replace('"{0}"'.format(old), '"{0}"'.format(new)), "_r1")))
    yield Case("an assertion without an id", post(signed_whole(assertion(id=""))))
