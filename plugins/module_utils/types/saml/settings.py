# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a service and its identity provider, read from the fields of a credential, and the metadata of both (SAML metadata)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback, split_url
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.decryption import GCM, OAEP
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.documents import (
    DS,
    MD,
    SAMLP,
    XENC,
    add,
    build,
    find_children,
    name_of,
    parse_configuration,
    read_text,
    read_time,
    write,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.keys import (
    ServiceKey,
    read_certificates,
    read_service_key,
    refuse,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from lxml.etree import _Element as Element

REDIRECT, POST = "redirect", "post"
BINDINGS: Mapping[str, str] = {
    REDIRECT: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
    POST: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
}
IN_METADATA = ("idp_entity_id", "idp_sso_url", "idp_certificates")
"""The fields that `idp_metadata` stands for."""


class IdentityProvider(NamedTuple):
    """Where people log in, and whose signatures are accepted.

    Attributes:
        sso_url: where requests are sent, with the binding of the credential.
        wants_signed: whether it refuses requests without a signature.
    """

    entity_id: str
    sso_url: str
    certificates: Tuple[Certificate, ...]
    wants_signed: bool = False


class SamlSettings(NamedTuple):
    """A service provider, and its identity provider.

    Attributes:
        acs_url: where the identity provider sends responses.
        binding: how requests are sent, one of `BINDINGS`.
        name_id_format: the kind of name that is requested; None for any.
        key: None for a service that signs nothing and decrypts nothing.
    """

    entity_id: str
    acs_url: str
    binding: str
    name_id_format: Optional[str]
    key: Optional[ServiceKey]
    provider: IdentityProvider


def read_settings(texts: Mapping[str, str]) -> SamlSettings:
    """Return the settings in fields, given as texts.

    Raises:
        InvalidInput: a field is missing, is not used with another one, or cannot be used. No value is shown.
    """
    binding = texts.get("binding") or REDIRECT
    for field in ("acs_url", *(("idp_sso_url",) if "idp_sso_url" in texts else ())):
        _check_url(field, texts[field])
    provider = _read_provider(texts, binding)
    key = read_service_key(texts)
    if provider.wants_signed and key is None:
        refuse("private_key", "is missing", "The identity provider refuses requests that are not signed: give 'certificate', too.")
    return SamlSettings(texts["entity_id"], texts["acs_url"], binding, texts.get("name_id_format"), key, provider)


def write_metadata(settings: SamlSettings) -> bytes:
    """Return the document with which the service is registered at its identity provider."""
    root = build(MD, "EntityDescriptor", {"entityID": settings.entity_id}, {"md": MD, "ds": DS, "xenc": XENC})
    signs = "true" if settings.key else "false"
    described = {"AuthnRequestsSigned": signs, "WantAssertionsSigned": "true", "protocolSupportEnumeration": SAMLP}
    service = add(root, MD, "SPSSODescriptor", described)
    if settings.key:
        _add_key(service, settings.key, "signing", ())
        _add_key(service, settings.key, "encryption", (*reversed(GCM), *OAEP))
    if settings.name_id_format:
        add(service, MD, "NameIDFormat", text=settings.name_id_format)
    arrives = {"Binding": BINDINGS[POST], "Location": settings.acs_url, "index": "0", "isDefault": "true"}
    add(service, MD, "AssertionConsumerService", arrives)
    return write(root)


def check_metadata_is_valid(text: Optional[str], now: datetime) -> None:
    """Check that the metadata of the identity provider, if there is any, has not expired (`validUntil`).

    Raises:
        InvalidInput: it has.
    """
    until = read_time(_parse_metadata(text), "validUntil") if text else None
    if until is not None and until <= now:
        refuse("idp_metadata", "has expired", "Get the newest metadata from the identity provider, and write it.")


def _read_provider(texts: Mapping[str, str], binding: str) -> IdentityProvider:
    if "idp_metadata" in texts:
        for field in IN_METADATA:
            if field in texts:
                refuse(field, "is not used with 'idp_metadata'", "Leave one of both out.")
        return _read_metadata(texts["idp_metadata"], binding)
    for field in IN_METADATA:
        if field not in texts:
            refuse(field, "is missing", "Give it, or 'idp_metadata', the document that the identity provider publishes.")
    certificates = read_certificates("idp_certificates", texts["idp_certificates"])
    return IdentityProvider(texts["idp_entity_id"], texts["idp_sso_url"], certificates)


def _parse_metadata(text: str) -> Element:
    try:
        root = parse_configuration(text.encode("utf-8"))
    except CredentialError as problem:
        why = problem.what.partition(": ")[2]
        refuse("idp_metadata", "cannot be read: {0}".format(why), "Give the document that the identity provider publishes.")
    if root.tag != name_of(MD, "EntityDescriptor") or not root.get("entityID"):
        refuse("idp_metadata", "does not describe one entity", "Give the element 'EntityDescriptor' of the identity provider.")
    return root


def _read_metadata(text: str, binding: str) -> IdentityProvider:
    root = _parse_metadata(text)
    try:
        read_time(root, "validUntil")
    except CredentialError:
        refuse("idp_metadata", "has a 'validUntil' that is no time in UTC", "Give the document as the identity provider publishes it.")
    roles = find_children(root, MD, "IDPSSODescriptor")
    if len(roles) != 1:
        refuse("idp_metadata", "does not describe one identity provider", "Give the metadata with one 'IDPSSODescriptor'.")
    services = find_children(roles[0], MD, "SingleSignOnService")
    places = [each.get("Location") or "" for each in services if each.get("Binding") == BINDINGS[binding]]
    if not places:
        refuse(
            "binding", "is not one of those of the identity provider", "Set it to '{0}'.".format(POST if binding == REDIRECT else REDIRECT)
        )
    _check_url("idp_metadata", places[0])
    return IdentityProvider(
        root.get("entityID") or "", places[0], _find_certificates(roles[0]), roles[0].get("WantAuthnRequestsSigned") in ("true", "1")
    )


def _find_certificates(role: Element) -> Tuple[Certificate, ...]:
    keys = [each for each in find_children(role, MD, "KeyDescriptor") if each.get("use") in (None, "signing")]
    texts = ["".join(read_text(found).split()) for key in keys for found in key.iter(name_of(DS, "X509Certificate"))]
    if not texts:
        refuse("idp_metadata", "holds no certificate for signatures", "Give 'idp_certificates' and the other fields instead.")
    lines = ["-----BEGIN CERTIFICATE-----\n{0}\n-----END CERTIFICATE-----\n".format(text) for text in texts]
    return read_certificates("idp_metadata", "".join(lines))


def _check_url(field: str, url: str) -> None:
    parts = split_url(url)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment or parts.username is not None:
        refuse(field, "is not, or does not hold, a URL", "Write it as 'https://host/path'.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        refuse(field, "is plain HTTP, which would show assertions to the network", "Use https.")


def _add_key(service: Element, key: ServiceKey, use: str, methods: Tuple[str, ...]) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    described = add(service, MD, "KeyDescriptor", {"use": use})
    lines = key.certificate.public_bytes(Encoding.PEM).decode("ascii").splitlines()[1:-1]
    add(add(add(described, DS, "KeyInfo"), DS, "X509Data"), DS, "X509Certificate", text="".join(lines))
    for method in methods:
        add(described, MD, "EncryptionMethod", {"Algorithm": method})
