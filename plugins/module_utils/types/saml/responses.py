# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses to a login (SAML core 3.4.1.4, profiles 4.1.4): every value is read from what was signed, and each one is checked."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.saml import decryption, signatures
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.documents import (
    DS,
    SAML,
    SAMLP,
    decode_base64,
    find_child,
    find_children,
    name_of,
    need_child,
    parse,
    read_text,
    read_time,
    refusal,
    write,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.settings import SamlSettings

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

SKEW = timedelta(seconds=60)
"""By how much the clocks of both sides may differ."""
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_CODES = ("AuthnFailed", "NoAuthnContext", "NoPassive", "RequestDenied", "RequestUnsupported", "InvalidNameIDPolicy", "UnknownPrincipal")
"""The second codes of a status that an error names: they are not the writer's own words."""
_RESPONSE_PARTS = frozenset(
    (
        *(name_of(SAMLP, name) for name in ("Status", "Extensions")),
        *(name_of(SAML, name) for name in ("Issuer", "Assertion", "EncryptedAssertion")),
        name_of(DS, "Signature"),
    )
)
_ASSERTION_PARTS = frozenset(
    (
        name_of(DS, "Signature"),
        *(name_of(SAML, name) for name in ("Issuer", "Subject", "Conditions", "Advice", "AuthnStatement", "AttributeStatement")),
    )
)
_CONDITIONS = ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")
_ASSERTIONS = ("Assertion", "EncryptedAssertion")


class Expectation(NamedTuple):
    """What a response has to say.

    Attributes:
        request_id: the request that it responds to.
        seen: the ids of the assertions that were accepted before and have not ended.
        now: the time (aware, UTC).
    """

    settings: SamlSettings
    request_id: str
    seen: FrozenSet[str]
    now: datetime


class Login(NamedTuple):
    """What an accepted response says.

    Attributes:
        assertion: the assertion, with its signature if it has one of its own.
        assertion_id: its id, and until when it could be accepted again.
        not_on_or_after: from when on others refuse the assertion.
        session_ends_at: when the session of the person ends; None if the identity provider does not say.
        attributes: the values of each attribute by its name, in their order.
    """

    assertion: Secret
    assertion_id: str
    replayable_until: datetime
    not_on_or_after: datetime
    session_ends_at: Optional[datetime]
    name_id: str
    name_id_format: Optional[str]
    session_index: Optional[str]
    attributes: Mapping[str, List[str]]


def read_response(text: str, expected: Expectation) -> Login:
    """Return what a response says.

    Args:
        text: the parameter `SAMLResponse`, in base64.
        expected: what it has to say.

    Raises:
        InvalidCallback: it is not accepted. The message says why, and has no part of it.
        MissingLibrary, InvalidConfiguration: an encrypted assertion cannot be decrypted here.
    """
    root = parse(decode_base64(text))
    if root.tag != name_of(SAMLP, "Response"):
        raise refusal("it is no response to a login")
    _check_structure(root)
    is_signed = signatures.find_signature(root) is not None
    # What was signed replaces what came: nothing else of a signed response is read.
    response = signatures.verify(root, expected.settings.provider.certificates, expected.now) if is_signed else root
    _check_response(response, expected, is_signed)
    given = find_child(response, SAML, "Assertion")
    if given is None:
        given = decryption.decrypt(response, expected.settings.key, is_signed)
        _check_decrypted(given)
    whole = write(given)
    if signatures.find_signature(given) is not None:
        given = signatures.verify(given, expected.settings.provider.certificates, expected.now)
    elif not is_signed:
        raise refusal("it is not signed")
    return _read_assertion(given, whole, expected)


def _check_structure(root: Element) -> None:
    signatures.check_ids(root)
    signatures.check_signatures(root)
    assertions = find_children(root, SAML, *_ASSERTIONS)
    if len(assertions) > 1:
        raise refusal("it has more than one assertion")
    if _count_assertions(root) != len(assertions):
        raise refusal("it has an assertion where none belongs")
    if any(child.tag not in _RESPONSE_PARTS for child in root):
        raise refusal("it has a part that no response has")


def _check_decrypted(assertion: Element) -> None:
    signatures.check_ids(assertion)
    signatures.check_signatures(assertion)
    if _count_assertions(assertion) != 1:
        raise refusal("it has an assertion where none belongs")


def _count_assertions(root: Element) -> int:
    """Return how many assertions there are anywhere, in whatever namespace."""
    return sum(1 for element in root.iter() if str(element.tag).rpartition("}")[2] in _ASSERTIONS)


def _is_success(response: Element) -> bool:
    code = need_child(need_child(response, SAMLP, "Status"), SAMLP, "StatusCode")
    return bool(code.get("Value") == _STATUS + "Success")


def _check_response(response: Element, expected: Expectation, is_signed: bool) -> None:
    settings = expected.settings
    if response.get("Version") != "2.0":
        raise refusal("its version is not 2.0")
    if not _is_equal(response.get("InResponseTo"), expected.request_id):
        raise refusal("it responds to another request")
    if response.get("Destination") != settings.acs_url:
        raise refusal("it is meant for another address")
    needs_issuer = is_signed or find_child(response, SAML, "EncryptedAssertion") is not None
    if needs_issuer or find_child(response, SAML, "Issuer") is not None:
        _check_issuer(response, settings)
    if not _is_success(response):
        raise refusal("the identity provider refused the login: {0}".format(_read_refusal(response)))


def _read_refusal(response: Element) -> str:
    """Return the second code of a status, if it is a known one."""
    code = need_child(need_child(response, SAMLP, "Status"), SAMLP, "StatusCode")
    second = find_child(code, SAMLP, "StatusCode")
    value = "" if second is None else second.get("Value") or ""
    return next((known for known in _CODES if value == _STATUS + known), "with a code of its own")


def _check_issuer(parent: Element, settings: SamlSettings) -> None:
    issuer = need_child(parent, SAML, "Issuer")
    if issuer.get("Format", _ENTITY) != _ENTITY or read_text(issuer) != settings.provider.entity_id:
        raise refusal("it is of another identity provider")


def _read_assertion(assertion: Element, whole: bytes, expected: Expectation) -> Login:
    if assertion.get("Version") != "2.0":
        raise refusal("its version is not 2.0")
    if any(child.tag not in _ASSERTION_PARTS for child in assertion):
        raise refusal("its assertion has a part that is not known")
    _check_issuer(assertion, expected.settings)
    issued = read_time(assertion, "IssueInstant")
    if issued is None or issued > expected.now + SKEW:
        raise refusal("its assertion was not issued yet")
    assertion_id = assertion.get("ID") or ""
    if not assertion_id or assertion_id in expected.seen:
        raise refusal("its assertion was accepted before")
    subject = need_child(assertion, SAML, "Subject")
    name_id = need_child(subject, SAML, "NameID")
    name = read_text(name_id)
    if not name:
        raise refusal("it names no person")
    confirmed_until = _check_confirmations(subject, expected)
    ends_at = _check_conditions(need_child(assertion, SAML, "Conditions"), expected)
    session_index, session_ends_at = _read_session(assertion, expected.now)
    return Login(
        assertion=Secret(whole),
        assertion_id=assertion_id,
        replayable_until=confirmed_until + SKEW,
        not_on_or_after=confirmed_until if ends_at is None else min(confirmed_until, ends_at),
        session_ends_at=session_ends_at,
        name_id=name,
        name_id_format=name_id.get("Format"),
        session_index=session_index,
        attributes=_read_attributes(assertion),
    )


def _check_confirmations(subject: Element, expected: Expectation) -> datetime:
    """Return until when a confirmation of the bearer is valid. Each confirmation has to be one that is accepted."""
    ends: List[datetime] = []
    for confirmation in find_children(subject, SAML, "SubjectConfirmation"):
        if confirmation.get("Method") != BEARER:
            raise refusal("its subject is confirmed in another way than by who brings it")
        ends.append(_check_confirmation(need_child(confirmation, SAML, "SubjectConfirmationData"), expected))
    if not ends:
        raise refusal("its subject is not confirmed")
    return max(ends)


def _check_confirmation(data: Element, expected: Expectation) -> datetime:
    if data.get("Recipient") != expected.settings.acs_url:
        raise refusal("its assertion is meant for another address")
    if not _is_equal(data.get("InResponseTo"), expected.request_id):
        raise refusal("its assertion responds to another request")
    if "NotBefore" in data.attrib:
        raise refusal("its confirmation has a beginning, which none may have")
    ends_at = read_time(data, "NotOnOrAfter")
    if ends_at is None:
        raise refusal("its confirmation has no end")
    if expected.now - SKEW >= ends_at:
        raise refusal("its confirmation has ended")
    return ends_at


def _check_conditions(conditions: Element, expected: Expectation) -> Optional[datetime]:
    """Return when the conditions end; None if they do not."""
    begins_at, ends_at = read_time(conditions, "NotBefore"), read_time(conditions, "NotOnOrAfter")
    if begins_at is not None and expected.now + SKEW < begins_at:
        raise refusal("its assertion is not valid yet")
    if ends_at is not None and expected.now - SKEW >= ends_at:
        raise refusal("its assertion has ended")
    if len(find_children(conditions, SAML, *_CONDITIONS)) != len(conditions):
        raise refusal("its assertion has a condition that is not known")
    restrictions = find_children(conditions, SAML, "AudienceRestriction")
    if not restrictions:
        raise refusal("its assertion is not restricted to an audience")
    for restriction in restrictions:
        if expected.settings.entity_id not in [read_text(each) for each in find_children(restriction, SAML, "Audience")]:
            raise refusal("its assertion is meant for another audience")
    return ends_at


def _read_session(assertion: Element, now: datetime) -> Tuple[Optional[str], Optional[datetime]]:
    """Return the index of the session and its end, of the first statement that says so."""
    statements = find_children(assertion, SAML, "AuthnStatement")
    if not statements:
        raise refusal("it does not say that the person has logged in")
    found: List[datetime] = []
    for statement in statements:
        logged_in, ends_at = read_time(statement, "AuthnInstant"), read_time(statement, "SessionNotOnOrAfter")
        if logged_in is None or logged_in > now + SKEW:
            raise refusal("the person has not logged in yet")
        if ends_at is not None and now - SKEW >= ends_at:
            raise refusal("the session has ended")
        found.extend([] if ends_at is None else [ends_at])
    return statements[0].get("SessionIndex"), min(found) if found else None


def _read_attributes(assertion: Element) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for statement in find_children(assertion, SAML, "AttributeStatement"):
        for attribute in statement:
            name = attribute.get("Name")
            if attribute.tag != name_of(SAML, "Attribute") or not name:
                raise refusal("it has an attribute that cannot be read")
            found.setdefault(name, []).extend(read_text(value) for value in find_children(attribute, SAML, "AttributeValue"))
    return found


def _is_equal(text: Optional[str], wanted: str) -> bool:
    return hmac.compare_digest((text or "").encode("utf-8"), wanted.encode("utf-8"))
