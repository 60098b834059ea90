# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a credential that hold a key and certificates: PEM texts, and the bundles and key stores that are taken apart into them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Set

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import NULL, Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import certificates, key_stores, names, terms
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.issuers import PEM

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey

CERTIFICATE, CHAIN, ROOT, FULLCHAIN, BUNDLE = (*PEM, "fullchain", "bundle")


def find_bytes(fields: Fields, field: str) -> Optional[bytes]:
    """Return the value of a field; None if it has none."""
    found = find_values(fields).get(field)
    return None if found is None else found.expose()


def read_pem(fields: Fields, field: str) -> List[x509.Certificate]:
    """Return the certificates in a field; none if it has no value.

    Raises:
        InvalidInput: they cannot be read.
    """
    text = find_bytes(fields, field)
    return certificates.read_certificates(text, field) if text else []


def build_pem(certificate: x509.Certificate, above: Sequence[x509.Certificate]) -> Dict[str, Secret]:
    """Return the fields of a certificate and those above it, the root apart. A field for which there is none is left out."""
    roots = [each for each in above if certificates.is_self_signed(each)]
    found = {CERTIFICATE: [certificate], CHAIN: [each for each in above if each not in roots], ROOT: roots}
    return {field: Secret(certificates.write_certificates(each)) for field, each in found.items() if each}


def write_private_key(key: Any, passphrase: Optional[bytes]) -> bytes:
    """Return a private key in PEM (PKCS#8), encrypted if there is a passphrase."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def expand_key_stores(given: Fields) -> Dict[str, Secret]:
    """Return given fields with a key store replaced by its parts.

    Raises:
        InvalidInput: it cannot be read, or one of its parts is given too.
    """
    expanded = dict(given)
    for form in key_stores.FORMS:
        there = find_values(expanded)
        if form in there:
            _refuse_twice(form, {"private_key", CERTIFICATE, CHAIN, ROOT, FULLCHAIN, *key_stores.FORMS} & set(there))
            store = key_stores.read_key_store(form, _decode(there[form].expose()), find_bytes(expanded, "keystore_passphrase"))
            del expanded[form]
            expanded["private_key"] = Secret(write_private_key(store.key, find_bytes(expanded, "passphrase")))
            # What the key store lacks is removed from what is stored.
            expanded.update({CHAIN: Secret(b"", NULL), ROOT: Secret(b"", NULL)}, **build_pem(store.certificate, store.chain))
    return expanded


def expand_bundles(given: Fields) -> Dict[str, Secret]:
    """Return given fields with the first certificate of a bundle in `certificate`, and the others in `chain`.

    Raises:
        InvalidInput: it cannot be read, or one of the two is given too.
    """
    expanded = dict(given)
    for field in (FULLCHAIN, CERTIFICATE):
        found = read_pem(expanded, field)
        if len(found) > 1 or (found and field == FULLCHAIN):
            _refuse_twice(field, {CERTIFICATE, CHAIN, FULLCHAIN} & set(find_values(expanded)))
            del expanded[field]
            expanded[CERTIFICATE] = Secret(certificates.write_certificates(found[:1]))
            expanded[CHAIN] = Secret(certificates.write_certificates(found[1:])) if found[1:] else Secret(b"", NULL)
    return expanded


def check_signed_elsewhere(complete: Fields, key: PrivateKey) -> Dict[str, Secret]:
    """Return the fields of another issuer's certificate, with its PEM texts in one form.

    Raises:
        InvalidInput: certificates and key do not belong together, or a name of `alt_names` is not in the certificate.
    """
    certificate = certificates.read_certificate(complete[CERTIFICATE].expose(), CERTIFICATE)
    certificates.check_key(certificate, key)
    chain, root = read_pem(complete, CHAIN), read_pem(complete, ROOT)
    certificates.check_chain(certificate, [*chain, *root])
    wanted, held = find_bytes(complete, "alt_names"), terms.read_held_names(certificate)
    for name in names.read_alt_names(wanted.decode("utf-8")) if wanted is not None else ():
        if not names.covers(held, name):
            what = "has {0}, for which the certificate is not good".format(ascii("{0}:{1}".format(*name)))
            raise certificates.field_error("alt_names", what, "Get a certificate with that name, or leave the name out.")
    kept = {field: value for field, value in complete.items() if not (field in PEM and value.is_null)}
    pem = {CERTIFICATE: [certificate], CHAIN: chain, ROOT: root}
    return dict(kept, **{field: Secret(certificates.write_certificates(found)) for field, found in pem.items() if found})


def _refuse_twice(field: str, there: Set[str]) -> None:
    twice = sorted(there - {field})
    if twice:
        raise certificates.field_error(twice[0], "is given, and '{0}' holds one".format(field), "Give one of the two.")


def _decode(content: bytes) -> bytes:
    """Return the bytes of a key store that is given as they are, which are no text, or as text in base64."""
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return content
