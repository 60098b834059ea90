# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The orders of certificates at a service: what the fields need for one, and which service gets it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import signing
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.issuers import VAULT, read_issuer
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.names import DNS, IP

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey


_CHALLENGE = ("challenge", "challenge_directory")


def complete_order(fields: Fields, terms: signing.Terms) -> Dict[str, Secret]:
    """Return the fields of a credential that a service signs, for ACME with the key of an account. Uses no network.

    Raises:
        InvalidInput: ACME cannot verify the names, or the directory is no absolute path.
    """
    if read_issuer(fields) == VAULT:
        return dict(fields)
    from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.acme_order import generate_account_key

    _check_challenge({field: value.expose().decode("utf-8") for field, value in find_values(fields).items() if field in _CHALLENGE}, terms)
    there = find_values(fields)
    if ("login_id" in there) != ("login_secret" in there):
        raise field_error("login_id", "is given without 'login_secret', or the other way round", "Give both, or none.")
    return dict(fields) if "account_key" in there else dict(fields, account_key=generate_account_key())


def order_certificates(fields: Fields, texts: Mapping[str, str], key: PrivateKey, terms: signing.Terms) -> List[x509.Certificate]:
    """Order a certificate at the service that the fields name. Return it, and those above it.

    Raises:
        CredentialError: the service refuses, or there was no response.
    """
    there = find_values(fields)
    if read_issuer(fields) == VAULT:
        from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import vault_pki

        return vault_pki.order_certificates(texts, there["login_secret"], signing.build_request(key, terms), terms)
    from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import acme_order

    account = acme_order.Account(there["account_key"], there.get("login_secret"))
    return acme_order.order_certificates(texts, account, signing.build_request(key, terms, has_subject=False))


def _check_challenge(texts: Mapping[str, str], terms: signing.Terms) -> None:
    names, directory = terms.alt_names, texts.get("challenge_directory")
    if texts.get("challenge") == "dns":
        if directory is not None:
            raise field_error("challenge_directory", "has no effect with 'challenge: dns'", "Set it to null.")
        if not names or not all(name.kind == DNS for name in names):
            raise field_error("alt_names", "has none, or one that the DNS cannot verify", "Give host names.")
        return
    if not names or not all(name.kind in (DNS, IP) and not name.text.startswith("*") for name in names):
        remedy = "Give host names and addresses. A wildcard needs 'challenge: dns'."
        raise field_error("alt_names", "has none, or one that HTTP cannot verify", remedy)
    if directory is None or not os.path.isabs(directory):
        remedy = "Write it from the root: /var/www/.well-known/acme-challenge. Or write 'challenge: dns'."
        raise field_error("challenge_directory", "is missing, or no absolute path", remedy)
