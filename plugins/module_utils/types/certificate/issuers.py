# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signs a certificate, and which fields each issuer reads."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import terms
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error

SELF, CA, OTHER, VAULT, ACME = "self", "ca", "other", "vault", "acme"
ISSUERS = (SELF, CA, OTHER, VAULT, ACME)
SERVICES = (VAULT, ACME)
"""The issuers that are asked over the network. Their certificate is the state of a refresh; that of the others is a field."""

PEM = ("certificate", "chain", "root")
_NAMED = ("common_name", "alt_names")
_USED: Mapping[str, Tuple[str, ...]] = {
    SELF: (*terms.FIELDS, *PEM),
    CA: ("ca", *terms.FIELDS, *PEM),
    OTHER: ("alt_names", *PEM),
    VAULT: ("url", "ca_cert", "namespace", "mount", "role", "login_id", "login_secret", *_NAMED, "valid_for"),
    ACME: (
        "url",
        "ca_cert",
        "contact",
        "accept_terms",
        "challenge",
        "challenge_directory",
        "account_key",
        "login_id",
        "login_secret",
        *_NAMED,
    ),
}
_REQUIRED: Mapping[str, Tuple[str, ...]] = {
    SELF: (),
    CA: ("ca",),
    OTHER: ("certificate",),
    VAULT: ("url", "role", "login_secret"),
    ACME: ("url", "accept_terms"),
}
_ALL = tuple(dict.fromkeys(field for used in _USED.values() for field in used))
_DROPPED = (*PEM, "login_secret", "account_key")
"""What is dropped when another issuer does not use it: what was issued, and secrets, which null does not remove."""


def read_issuer(fields: Fields) -> str:
    """Return the issuer that the fields name, else `self`."""
    found = find_values(fields).get("issuer")
    return SELF if found is None else found.expose().decode("utf-8", "replace")


def find_issuer(given: Iterable[str]) -> str:
    """Return the issuer that follows from the names of the fields that a task gives; empty if none does."""
    following = {"certificate": OTHER, "ca": CA, "role": VAULT, "challenge": ACME, "challenge_directory": ACME}
    return next((issuer for field, issuer in following.items() if field in given), "")


def check_given(given: Iterable[str], issuer: str) -> None:
    """Check that a task gives no certificate and no secret that its issuer does not use; what is stored of them is dropped.

    Raises:
        InvalidInput: it does.
    """
    found = sorted(set(given) & {*PEM, "fullchain", "pkcs12", "jks"})
    if found and issuer != OTHER:
        remedy = "Give one of the two. Another issuer's certificate has 'issuer: other', and no 'ca'."
        raise field_error(found[0], "is given, and 'issuer: {0}' signs another one".format(issuer), remedy)
    idle = sorted(set(given) & set(_DROPPED) - set(_USED.get(issuer, _ALL)))
    if idle:
        raise field_error(idle[0], "has no effect with 'issuer: {0}'".format(issuer), "Leave it out, or change 'issuer'.")


def select_fields(complete: Fields, issuer: str) -> Dict[str, Secret]:
    """Return the fields without what only other issuers have: a certificate of theirs, and their secrets.

    Raises:
        InvalidInput: a field is missing, or one that is stored or given has no effect.
    """
    there = find_values(complete)
    idle = [field for field in _ALL if field in there and field not in (*_USED[issuer], *_DROPPED)]
    if idle:
        remedy = "Change 'issuer', or set to null: {0}.".format(", ".join(idle))
        raise field_error(idle[0], "has no effect with 'issuer: {0}'".format(issuer), remedy)
    missing = [field for field in _REQUIRED[issuer] if field not in there]
    if missing:
        raise field_error(missing[0], "is missing, which 'issuer: {0}' needs".format(issuer), "Give it, or write 'issuer: self'.")
    return {field: value for field, value in complete.items() if field not in _DROPPED or field in _USED[issuer]}
