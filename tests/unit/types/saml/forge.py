# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of an identity provider, each part of which a test may change: written, signed and encrypted without the code under test."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from lxml import etree

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
IDP, SERVICE = "https://idp.example.com/saml", "https://deploy.example.com/saml"
ACS, SSO = "https://deploy.example.com/saml/acs", "https://idp.example.com/sso"
REQUEST = "_request-1"
REAL, FORGED = "ada", "mallory"

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
NAMES = {"samlp": SAMLP, "saml": SAML, "ds": DS, "xenc": XENC}
PREFIXES = " ".join('xmlns:{0}="{1}"'.format(prefix, NAMES[prefix]) for prefix in ("samlp", "saml"))
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHODS = {
    **{"rsa-sha{0}".format(bits): MORE + "rsa-sha{0}".format(bits) for bits in (224, 256, 384, 512)},
    **{"ecdsa-sha{0}".format(bits): MORE + "ecdsa-sha{0}".format(bits) for bits in (256, 384, 512)},
    "rsa-sha1": DS + "rsa-sha1",
    "rsa-md5": MORE + "rsa-md5",
    "ecdsa-sha1": MORE + "ecdsa-sha1",
    "hmac-sha1": DS + "hmac-sha1",
    "hmac-sha256": MORE + "hmac-sha256",
    "pss-sha256": "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
}
DIGESTS = {
    "md5": MORE + "md5",
    "sha1": DS + "sha1",
    "sha224": MORE + "sha224",
    "sha256": XENC + "sha256",
    "sha384": MORE + "sha384",
    "sha512": XENC + "sha512",
}
HASHES = {
    "md5": hashes.MD5,  # what is refused
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True)
class Party:
    """A key and its certificate."""

    key: Any
    certificate: Any

    @property
    def pem(self):
        """The private key in PEM."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.key.private_bytes(*form).decode()

    @property
    def certificate_pem(self):
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def certificate_text(self):
        """The certificate as KeyInfo holds it."""
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


@functools.lru_cache(maxsize=None)
def party(name, kind="rsa", begins=datetime(2020, 1, 1, tzinfo=timezone.utc), ends=datetime(2040, 1, 1, tzinfo=timezone.utc)):
    """The party of this name: `idp`, `service`, `attacker` or another one. Its key is made once a process."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp" if name == "attacker" else name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), begins, ends)
    return Party(key, builder.sign(key, hashes.SHA256()))


def at(seconds=0):
    """A time so many seconds from `NOW`, as SAML writes it."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def confirmation(method=BEARER, recipient=ACS, answers=REQUEST, until=300, more=""):
    """A confirmation of the subject; a part that is None is left out."""
    parts = {"Recipient": recipient, "InResponseTo": answers, "NotOnOrAfter": None if until is None else at(until)}
    written = "".join(' {0}="{1}"'.format(name, value) for name, value in parts.items() if value is not None)
    data = "<saml:SubjectConfirmationData{0}{1}/>".format(written, more)
    return '<saml:SubjectConfirmation Method="{0}">{1}</saml:SubjectConfirmation>'.format(method, data)


def audience(*names):
    """A restriction to these audiences."""
    return "<saml:AudienceRestriction>{0}</saml:AudienceRestriction>".format(
        "".join("<saml:Audience>{0}</saml:Audience>".format(name) for name in names)
    )


def conditions(inner=None, begins=-60, until=300):
    """The conditions of an assertion; a time that is None is left out."""
    times = {"NotBefore": begins, "NotOnOrAfter": until}
    written = "".join(' {0}="{1}"'.format(name, at(value)) for name, value in times.items() if value is not None)
    return "<saml:Conditions{0}>{1}</saml:Conditions>".format(written, audience(SERVICE) if inner is None else inner)


def statement(began=-30, session=""):
    """A statement that the person has logged in."""
    text = '<saml:AuthnStatement AuthnInstant="{0}" SessionIndex="s-1"{1}><saml:AuthnContext><saml:AuthnContextClassRef>'
    return text.format(at(began), session) + (
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
    )


def attributes(**values):
    """A statement of attributes."""
    written = "".join(
        '<saml:Attribute Name="{0}">{1}</saml:Attribute>'.format(
            name, "".join("<saml:AttributeValue>{0}</saml:AttributeValue>".format(value) for value in found)
        )
        for name, found in values.items()
    )
    return "<saml:AttributeStatement>{0}</saml:AttributeStatement>".format(written)


def assertion(name=REAL, **parts):
    """An assertion, unsigned."""
    found = {
        "id": ' ID="_a1"',
        "version": "2.0",
        "issued": at(-5),
        "issuer": "<saml:Issuer>{0}</saml:Issuer>".format(IDP),
        "name_id": "<saml:NameID>{0}</saml:NameID>".format(name),
        "confirmations": confirmation(),
        "conditions": conditions(),
        "statements": statement(),
        "attributes": attributes(groups=[name + "-group", "users"]),
        "more": "",
        **parts,
    }
    return (
        '<saml:Assertion {prefixes}{id} Version="{version}" IssueInstant="{issued}">{issuer}'
        "<saml:Subject>{name_id}{confirmations}</saml:Subject>{conditions}{statements}{attributes}{more}</saml:Assertion>"
    ).format(prefixes=PREFIXES, **found)


def response(*assertions, **parts):
    """A response with these assertions, unsigned."""
    found = {
        "id": ' ID="_r1"',
        "version": "2.0",
        "destination": ' Destination="{0}"'.format(ACS),
        "answers": ' InResponseTo="{0}"'.format(REQUEST),
        "issuer": "<saml:Issuer>{0}</saml:Issuer>".format(IDP),
        "extensions": "",
        "status": SUCCESS,
        **parts,
    }
    return (
        '<samlp:Response {prefixes}{id} Version="{version}" IssueInstant="{issued}"{destination}{answers}>{issuer}{extensions}'
        "<samlp:Status>{status}</samlp:Status>{inner}</samlp:Response>"
    ).format(prefixes=PREFIXES, issued=at(-5), inner="".join(assertions), **found)


def canonical(element, algorithm=EXCLUSIVE, prefixes=None):
    """An element in canonical form."""
    exclusive, comments = algorithm.startswith(EXCLUSIVE), algorithm.endswith("WithComments")
    return etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=comments, inclusive_ns_prefixes=prefixes)


def transform(algorithm, inner=""):
    """A transform of a reference."""
    return '<ds:Transform Algorithm="{0}">{1}</ds:Transform>'.format(algorithm, inner)


USUAL = transform(ENVELOPED) + transform(EXCLUSIVE)


def sign(text, target="_a1", signer=None, **changes):
    """A document with a signature of the element with this ID, after its first child.

    Changes: `method`, `digest`, `form` (of SignedInfo), `transforms` (as text), `payload_form`, `uri`, `key_info`, `references` (more of
    them), `payload` (what is digested of a copy of the element), `secret` (of an HMAC), `prefixes`.
    """
    root = etree.fromstring(text)
    element = root.xpath("//*[@ID=$id]", id=target)[0]
    signature = build_signature(element, signer or party("idp"), **changes)
    element.insert(1, signature)
    return etree.tostring(root).decode()


def build_signature(element, signer, **changes):
    """A signature of an element, which is in no document yet."""
    method, digest = changes.get("method", "rsa-sha256"), changes.get("digest", "sha256")
    form, key_info = changes.get("form", EXCLUSIVE), changes.get("key_info")
    if key_info is None:
        key_info = "<ds:X509Data><ds:X509Certificate>{0}</ds:X509Certificate></ds:X509Data>".format(signer.certificate_text)
    copy = etree.fromstring(etree.tostring(element, with_tail=False))
    payload = changes["payload"](copy) if "payload" in changes else copy
    digested = hashlib.new(digest, canonical(payload, changes.get("payload_form", EXCLUSIVE), changes.get("prefixes"))).digest()
    reference = (
        '<ds:Reference{0}><ds:Transforms>{1}</ds:Transforms><ds:DigestMethod Algorithm="{2}"/><ds:DigestValue>{3}</ds:DigestValue>'
        "</ds:Reference>"
    ).format(
        changes.get("uri", ' URI="#{0}"'.format(element.get("ID"))),
        changes.get("transforms", USUAL),
        DIGESTS[digest],
        base64.b64encode(digested).decode(),
    )
    references = changes.get("references", lambda own: own)(reference).replace("<ds:Transforms></ds:Transforms>", "")
    signature = etree.fromstring(
        '<ds:Signature xmlns:ds="{0}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{1}"/><ds:SignatureMethod Algorithm="{2}"/>'
        "{3}</ds:SignedInfo><ds:SignatureValue/>{4}</ds:Signature>".format(
            DS, form, METHODS[method], references, "<ds:KeyInfo>{0}</ds:KeyInfo>".format(key_info) if key_info else ""
        )
    )
    value = make_value(method, canonical(signature[0], form), signer.key, changes.get("secret"))
    signature[1].text = base64.b64encode(value).decode()
    return signature


def make_value(method, data, key, secret):
    """The value of a signature."""
    kind, _dash, name = method.partition("-")
    if kind == "hmac":
        return hmac.new(secret, data, name).digest()
    if kind == "ecdsa":
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[name]())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    pad = padding.PSS(padding.MGF1(HASHES[name]()), HASHES[name].digest_size) if kind == "pss" else padding.PKCS1v15()
    return key.sign(data, pad, HASHES[name]())


def encrypted(text, receiver=None, **changes):
    """An `EncryptedAssertion` of a text.

    Changes: `data` and `transport` (the algorithms by the ends of their names), `type`, `beside` (the key is outside of the data),
    `cut` (a change of the encrypted bytes), `data_value` and `key_value` (functions of the element with the value), `keys` (a function
    of the encrypted key), `info` (more of KeyInfo).
    """
    data, transport = changes.get("data", "aes256-gcm"), changes.get("transport", "rsa-oaep-mgf1p")
    secret = os.urandom(24 if data == "tripledes-cbc" else int(data[3:6]) // 8)
    public = (receiver or party("service")).certificate.public_key()
    sealed = changes.get("cut", lambda value: value)(encrypt_data(data, secret, text if isinstance(text, bytes) else text.encode()))
    key, more = encrypt_key(transport, public, secret)
    encrypted_key = changes.get("keys", lambda own: own)(
        '<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{0}">{1}</xenc:EncryptionMethod><xenc:CipherData>{2}</xenc:CipherData>'
        "</xenc:EncryptedKey>".format(
            (XENC11 if transport == "rsa-oaep" else XENC) + transport, more, changes.get("key_value", cipher_value)(key)
        )
    )
    beside = changes.get("beside", False)
    return (
        '<saml:EncryptedAssertion {0}><xenc:EncryptedData xmlns:xenc="{1}" xmlns:ds="{2}"{3}><xenc:EncryptionMethod Algorithm="{4}"/>'
        "<ds:KeyInfo>{5}{6}</ds:KeyInfo><xenc:CipherData>{7}</xenc:CipherData></xenc:EncryptedData>{8}</saml:EncryptedAssertion>"
    ).format(
        PREFIXES,
        XENC,
        DS,
        changes.get("type", ' Type="{0}Element"'.format(XENC)),
        (XENC11 if data.endswith("gcm") else XENC) + data,
        changes.get("info", ""),
        "" if beside else encrypted_key,
        changes.get("data_value", cipher_value)(sealed),
        encrypted_key.replace("<xenc:EncryptedKey", '<xenc:EncryptedKey xmlns:xenc="{0}" xmlns:ds="{1}"'.format(XENC, DS))
        if beside
        else "",
    )


def cipher_value(value):
    """Encrypted bytes, where they belong."""
    return "<xenc:CipherValue>{0}</xenc:CipherValue>".format(base64.b64encode(value).decode())


def encrypt_data(algorithm, secret, text):
    """A text, encrypted."""
    if algorithm.endswith("gcm"):
        nonce = os.urandom(12)
        return nonce + AESGCM(secret).encrypt(nonce, text, None)
    cipher = algorithms.AES(secret) if algorithm.startswith("aes") else triple_des(secret)
    size = cipher.block_size // 8
    missing = size - len(text) % size
    start = os.urandom(size)
    encryptor = Cipher(cipher, modes.CBC(start)).encryptor()
    return start + encryptor.update(text + b"\0" * (missing - 1) + bytes([missing])) + encryptor.finalize()


def triple_des(secret):
    """An old cipher, which is refused."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

    return TripleDES(secret)


def encrypt_key(algorithm, public, secret):
    """The key of encrypted data, encrypted, and what its method says beside the algorithm."""
    if algorithm == "rsa-1_5":
        return public.encrypt(secret, padding.PKCS1v15()), ""
    digest = hashes.SHA256() if algorithm == "rsa-oaep" else hashes.SHA1()  # noqa: S303  # that of the standard
    more = ""
    if algorithm == "rsa-oaep":
        more = '<ds:DigestMethod Algorithm="{0}sha256"/><x:MGF xmlns:x="{1}" Algorithm="{1}mgf1sha256"/>'.format(XENC, XENC11)
    return public.encrypt(secret, padding.OAEP(padding.MGF1(digest), digest, None)), more


def post(text):
    """A document as a form carries it."""
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
