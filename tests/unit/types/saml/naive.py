# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reader as many were written: one signature has to verify, by whatever key and algorithm it names, and the document is read.

The attacks of the corpus fool it. One that does not any more has lost what it is about.
"""

from __future__ import annotations

import base64
import contextlib
import zlib

import xmlsec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from tests.unit.types.saml.forge import DS, NAMES, XENC, party, triple_des

PARSER = {"resolve_entities": True, "load_dtd": True, "no_network": True, "huge_tree": True, "recover": True}


def read_names(text):
    """The names that somebody may read in a response, in all ways in which readers do; None if its signature does not verify."""
    document = decode(text)
    root, opened = parse(document), parse(document)
    if root is None:
        return None
    for holder in list(opened.iter("{*}EncryptedAssertion", "{*}EncryptedID")):
        for found in decrypt(holder):
            holder.addnext(found)
    signatures = [(tree, signature) for tree in (root, opened) for signature in tree.iter("{{{}}}Signature".format(DS))]
    if signatures and not any(is_verified(tree, signature) for tree, signature in signatures):
        return None
    names = list(opened.iter("{*}NameID", "{*}BaseID"))
    return {name.text for name in names} | {"".join(name.itertext("*")) for name in names}


def decode(text):
    """The document in a text that is more or less base64."""
    kept = "".join(letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "+/"))
    document = base64.b64decode(kept + "=" * (-len(kept) % 4))
    with contextlib.suppress(zlib.error):
        document = zlib.decompress(document, -15)
    return document


def parse(document):
    """The root of a document; None if there is none."""
    with contextlib.suppress(etree.XMLSyntaxError, ValueError):
        return etree.fromstring(document, etree.XMLParser(**PARSER))
    return None


def is_verified(root, signature):
    """Whether xmlsec or signxml verifies a signature of a document, with one of the keys that come into question."""
    place = list(root.iter("{{{}}}Signature".format(DS))).index(signature)
    method = signature.find("ds:SignedInfo/ds:SignatureMethod", NAMES)
    is_shared = method is not None and "hmac" in method.get("Algorithm", "")
    keys = list(find_secrets() if is_shared else find_keys(signature))
    for copy in list_readings(root, signature):
        wanted = list(copy.iter("{{{}}}Signature".format(DS)))[place]
        if any(is_verified_with(wanted, key) for key in keys) or is_verified_by_signxml(copy, wanted):
            return True
    return False


def list_readings(root, signature):
    """The document, once for each element that has the id which is signed: a reader takes the first or the last one of them."""
    reference = signature.find("ds:SignedInfo/ds:Reference", NAMES)
    wanted = "" if reference is None else reference.get("URI", "").lstrip("#")
    count = len(root.xpath("//*[@ID=$id]", id=wanted))
    for chosen in range(max(count, 1)):
        copy = etree.fromstring(etree.tostring(root))
        for number, element in enumerate(copy.xpath("//*[@ID=$id]", id=wanted)):
            if number != chosen:
                element.set("ID", "_other")
        yield copy


def is_verified_with(signature, key):
    """Whether xmlsec verifies a signature with a key."""
    with contextlib.suppress(xmlsec.Error, ValueError):
        xmlsec.tree.add_ids(signature.getroottree().getroot(), ["ID", "Id", "id"])
        context = xmlsec.SignatureContext()
        context.key = key
        context.verify(signature)
        return True
    return False


def is_verified_by_signxml(root, signature):
    """Whether signxml verifies a signature with the certificate of the identity provider, and what it does by default."""
    with contextlib.suppress(Exception):
        path = "./" + root.getroottree().getelementpath(signature.getparent()) + "/"
        XMLVerifier().verify(
            root,
            x509_cert=party("idp").certificate_pem,
            expect_config=SignatureConfiguration(location=path.replace("././", "./"), expect_references=True),
        )
        return True
    return False


def find_keys(signature):
    """The keys that a signature brings, and those of the configuration."""
    formats = xmlsec.constants
    for found in signature.iter("{{{}}}X509Certificate".format(DS)):
        pem = "-----BEGIN CERTIFICATE-----\n{0}\n-----END CERTIFICATE-----\n".format(found.text)
        yield xmlsec.Key.from_memory(pem, formats.KeyDataFormatCertPem)
    for found in signature.iter("{{{}}}Modulus".format(DS)):
        yield xmlsec.Key.from_memory(write_public(found.text), formats.KeyDataFormatPem)
    for each in (party("idp"), party("idp-ec", "ec")):
        yield xmlsec.Key.from_memory(each.certificate_pem, formats.KeyDataFormatCertPem)


def write_public(modulus):
    """A public key in PEM."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.RSAPublicNumbers(65537, int.from_bytes(base64.b64decode(modulus), "big")).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def find_secrets():
    """What a reader may take for a shared secret, as it has no other key."""
    certificate = party("idp").certificate
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        for secret in (certificate.public_key().public_bytes(encoding, form), certificate.public_bytes(encoding)):
            yield xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, secret)


def decrypt(holder):
    """What an encrypted element holds, by whatever algorithm."""
    data = holder.find("{{{}}}EncryptedData".format(XENC))
    with contextlib.suppress(Exception):
        key = holder.find(".//{{{}}}EncryptedKey".format(XENC))
        secret = decrypt_key(key, read_value(key))
        text = decrypt_data(data.find("{{{}}}EncryptionMethod".format(XENC)).get("Algorithm"), secret, read_value(data))
        found = parse(text)
        return [] if found is None else [found]
    return []


def read_value(element):
    """The encrypted bytes of an element."""
    return base64.b64decode(element.find("{{{0}}}CipherData/{{{0}}}CipherValue".format(XENC)).text)


def decrypt_key(element, value):
    """The key of encrypted data."""
    method, key = element.find("{{{}}}EncryptionMethod".format(XENC)).get("Algorithm"), party("service").key
    if method.endswith("rsa-1_5"):
        return key.decrypt(value, padding.PKCS1v15())
    digest = hashes.SHA256() if method.endswith("rsa-oaep") else hashes.SHA1()  # noqa: S303  # that of the standard
    return key.decrypt(value, padding.OAEP(padding.MGF1(digest), digest, None))


def decrypt_data(method, secret, value):
    """A text that was encrypted."""
    if method.endswith("gcm"):
        return AESGCM(secret).decrypt(value[:12], value[12:], None)
    cipher = triple_des(secret) if "tripledes" in method else algorithms.AES(secret)
    size = cipher.block_size // 8
    decryptor = Cipher(cipher, modes.CBC(value[:size])).decryptor()
    text = decryptor.update(value[size:]) + decryptor.finalize()
    return text[: -text[-1]]
