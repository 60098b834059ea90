# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict identity provider of SAML 2.0 on 127.0.0.1 and a random port. It knows its services by their metadata; the person is `ada`.

Requests are verified, and assertions are signed and encrypted, by xmlsec. What is not exactly as SAML says is refused with a reason.

with identity_provider.running() as server:
    server.register(metadata)  # or POST /services
    response = server.log_in(address, page)
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import urllib.error
import urllib.request
import zlib
from datetime import datetime, timedelta, timezone
from html import escape, unescape
from typing import Any, Callable, Dict, Iterator, List, Optional
from urllib.parse import parse_qsl, urlencode, urlsplit

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

PERSON = "ada"
NAMES = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DAY = timedelta(days=1)
PAGE = """\
<!DOCTYPE html><html><body><form method="post" action="{action}"><input type="hidden" name="SAMLResponse" value="{response}">
<button type="submit">Go on</button></form></body></html>"""
RESPONSE = """\
<samlp:Response xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="_{response_id}" Version="2.0" IssueInstant="{now}" Destination="{acs}" \
InResponseTo="{request_id}"><saml:Issuer>{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode \
Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_{assertion_id}" Version="2.0" \
IssueInstant="{now}"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID>{person}</saml:NameID><saml:SubjectConfirmation \
Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{request_id}" Recipient="{acs}" \
NotOnOrAfter="{end}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{now}" NotOnOrAfter="{end}">\
<saml:AudienceRestriction><saml:Audience>{service}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement \
AuthnInstant="{now}" SessionIndex="s-1" SessionNotOnOrAfter="{session_end}"><saml:AuthnContext><saml:AuthnContextClassRef>\
urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
<saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue>deployers</saml:AttributeValue></saml:Attribute>\
</saml:AttributeStatement></saml:Assertion></samlp:Response>"""


class RequestRefused(Exception):
    """A request is not as it has to be."""


class Service:
    """A service that is registered, as its metadata describes it."""

    def __init__(self, metadata: bytes) -> None:
        """Read the metadata."""
        root = etree.fromstring(metadata)
        described = need(root, "md:SPSSODescriptor")
        place = need(described, "md:AssertionConsumerService")
        if place.get("Binding") != BINDING + "POST":
            raise RequestRefused("the service takes no responses by POST")
        self.entity_id: str = root.get("entityID") or ""
        self.acs_url: str = place.get("Location") or ""
        self.signs = described.get("AuthnRequestsSigned") == "true"
        self.signing = self._find_certificate(described, "signing")
        self.encryption = self._find_certificate(described, "encryption")

    @staticmethod
    def _find_certificate(described: Any, use: str) -> Optional[bytes]:
        found = described.find("md:KeyDescriptor[@use='{0}']/ds:KeyInfo/ds:X509Data/ds:X509Certificate".format(use), NAMES)
        return (
            None if found is None else x509.load_der_x509_certificate(base64.b64decode(found.text)).public_bytes(serialization.Encoding.PEM)
        )


class IdentityProvider:
    """A running one. `refused` are the reasons for which it has refused requests."""

    def __init__(self) -> None:
        """Make its key, and listen."""
        self._key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "identity provider")])
        now = datetime.now(timezone.utc)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        self.certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self._services: Dict[str, Service] = {}
        self.refused: List[str] = []
        self.person = PERSON
        self.make_id: Callable[[], str] = lambda: secrets.token_hex(16)
        self._http = scripted.Server(self._answer)
        self.url = self._http.url
        self.entity_id, self.sso_url = self.url + "/saml", self.url + "/sso"

    def close(self) -> None:
        """End it."""
        self._http.close()

    def register(self, metadata: bytes) -> None:
        """Register a service by its metadata."""
        service = Service(metadata)
        self._services[service.entity_id] = service

    @property
    def metadata(self) -> bytes:
        """Its own metadata."""
        text = "".join(self.certificate.decode().splitlines()[1:-1])
        places = "".join(
            '<md:SingleSignOnService Binding="{0}{1}" Location="{2}"/>'.format(BINDING, name, self.sso_url) for name in ("POST", "Redirect")
        )
        described = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<!-- by hand --><md:EntityDescriptor xmlns:md="{md}" xmlns:ds="{ds}" '
            'entityID="{0}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{samlp}">'
            '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{1}\n</ds:X509Certificate></ds:X509Data>'
            "</ds:KeyInfo></md:KeyDescriptor>{2}</md:IDPSSODescriptor></md:EntityDescriptor>"
        )
        return described.format(self.entity_id, text, places, **NAMES).encode()

    def log_in(self, address: str, page: Optional[str] = None) -> str:
        """Do what a person does with a browser: open the address, or the page that sends a form; and return the SAMLResponse of the form
        that comes back.

        Raises:
            RequestRefused: the provider refuses the request.
        """
        content = None
        if page is not None:
            found = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
            content = urlencode({name: unescape(value) for name, value in found.items()}).encode()
        try:
            with urllib.request.urlopen(address, content, timeout=60) as answer:  # this machine
                text = answer.read().decode()
        except urllib.error.HTTPError:
            raise RequestRefused(self.refused[-1]) from None
        return unescape(re.findall(r'name="SAMLResponse" value="([^"]*)"', text)[0])

    def _answer(self, request: Request) -> Answer:
        if request.path == "/metadata":
            return Answer(200, self.metadata)
        if request.path == "/services":
            self.register(request.content)
            return Answer(204)
        try:
            return Answer(200, self._respond(self._read_request(request)).encode())
        except RequestRefused as problem:
            self.refused.append(str(problem))
            return Answer(400, str(problem).encode())

    def _read_request(self, request: Request) -> Any:
        parts = urlsplit(request.path)
        if parts.path != "/sso":
            raise RequestRefused("there is no such address")
        if request.method == "POST":
            given = dict(parse_qsl(request.content.decode(), strict_parsing=True))
            root = etree.fromstring(base64.b64decode(given["SAMLRequest"], validate=True))
            check_enveloped(root, self._find_service(root))
            return root
        given = dict(parse_qsl(parts.query, strict_parsing=True))
        unpacker = zlib.decompressobj(-15)
        root = etree.fromstring(unpacker.decompress(base64.b64decode(given["SAMLRequest"], validate=True), 65536))
        if root.find("ds:Signature", NAMES) is not None:
            raise RequestRefused("a request in an address has a signature within")
        check_detached(parts.query, given, self._find_service(root))
        return root

    def _find_service(self, root: Any) -> Service:
        if root.tag != "{{{}}}AuthnRequest".format(NAMES["samlp"]) or root[0].tag != "{{{}}}Issuer".format(NAMES["saml"]):
            raise RequestRefused("it is no request of a known service")
        if root[0].text not in self._services:
            raise RequestRefused("the service is not registered")
        return self._services[root[0].text]

    def _respond(self, root: Any) -> str:
        service = self._find_service(root)
        expected = {
            "Version": "2.0",
            "Destination": self.sso_url,
            "AssertionConsumerServiceURL": service.acs_url,
            "ProtocolBinding": BINDING + "POST",
        }
        for name, value in expected.items():
            if root.get(name) != value:
                raise RequestRefused("{0} is {1}".format(name, root.get(name)))
        issued = datetime.strptime(root.get("IssueInstant"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        if abs(datetime.now(timezone.utc) - issued) > timedelta(minutes=5):
            raise RequestRefused("it was not issued now")
        if not re.fullmatch(r"[A-Za-z_][\w.-]{20,}", root.get("ID")):
            raise RequestRefused("its id is none, or can be guessed")
        response = self.build_response(service, root.get("ID"))
        return PAGE.format(action=escape(service.acs_url), response=base64.b64encode(response).decode())

    def build_response(self, service: Service, request_id: str) -> bytes:
        """The response to a request: the assertion is signed, and encrypted if the service has a key for that."""
        now = datetime.now(timezone.utc)
        root = etree.fromstring(
            RESPONSE.format(
                response_id=secrets.token_hex(16),
                assertion_id=self.make_id(),
                request_id=request_id,
                now=write_time(now),
                end=write_time(now + timedelta(minutes=5)),
                session_end=write_time(now + timedelta(hours=8)),
                acs=escape(service.acs_url),
                issuer=self.entity_id,
                service=escape(service.entity_id),
                person=self.person,
                **NAMES,
            )
        )
        assertion = need(root, "saml:Assertion")
        self._sign(assertion)
        if service.encryption:
            encrypt(assertion, service.encryption)
        return etree.tostring(root)

    def _sign(self, element: Any) -> None:
        methods = xmlsec.constants
        signature = xmlsec.template.create(element, methods.TransformExclC14N, methods.TransformRsaSha256, ns="ds")
        element.insert(1, signature)
        reference = xmlsec.template.add_reference(signature, methods.TransformSha256, uri="#" + element.get("ID"))
        xmlsec.template.add_transform(reference, methods.TransformEnveloped)
        xmlsec.template.add_transform(reference, methods.TransformExclC14N)
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(self._key.private_bytes(*form), methods.KeyDataFormatPem)
        context.key.load_cert_from_memory(self.certificate, methods.KeyDataFormatPem)
        context.register_id(element, "ID")
        context.sign(signature)


def encrypt(assertion: Any, certificate: bytes) -> None:
    """Put an encrypted assertion in the place of one, as xmlsec encrypts."""
    methods, root = xmlsec.constants, assertion.getparent()
    template = xmlsec.template.encrypted_data_create(root, methods.TransformAes256Gcm, type=methods.TypeEncElement, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, methods.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(certificate, methods.KeyDataFormatCertPem))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(methods.KeyDataAes, 256, methods.KeyDataTypeSession)
    data = context.encrypt_xml(template, assertion)
    etree.SubElement(root, "{{{}}}EncryptedAssertion".format(NAMES["saml"])).append(data)


def check_enveloped(root: Any, service: Service) -> None:
    """Check the signature in a request that came as a form."""
    signature = root.find("ds:Signature", NAMES)
    if service.signing is None or signature is None:
        if service.signs or signature is not None:
            raise RequestRefused("its signature is missing, or of a service that has no key")
        return
    if root[1] is not signature:
        raise RequestRefused("its signature is not after its issuer")
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(service.signing, xmlsec.constants.KeyDataFormatCertPem)
    context.register_id(root, "ID")
    try:
        context.verify(signature)
    except xmlsec.Error:
        raise RequestRefused("its signature does not match") from None


def check_detached(query: str, given: Dict[str, str], service: Service) -> None:
    """Check the signature beside a request that came in an address."""
    if service.signing is None:
        if set(given) != {"SAMLRequest"}:
            raise RequestRefused("it has parameters that a request without a signature does not have")
        return
    if list(given) != ["SAMLRequest", "SigAlg", "Signature"] or given["SigAlg"] != RSA_SHA256:
        raise RequestRefused("its signature is missing")
    public = x509.load_pem_x509_certificate(service.signing).public_key()
    try:
        signed = query.partition("&Signature=")[0].encode()
        public.verify(base64.b64decode(given["Signature"]), signed, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr,call-arg]
    except InvalidSignature:
        raise RequestRefused("its signature does not match") from None


def need(element: Any, path: str) -> Any:
    """The one element at a path."""
    (found,) = element.findall(path, NAMES)
    return found


def write_time(time: datetime) -> str:
    """A time as SAML writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def running() -> Iterator[IdentityProvider]:
    """Start one, and end it."""
    server = IdentityProvider()
    try:
        yield server
    finally:
        server.close()
