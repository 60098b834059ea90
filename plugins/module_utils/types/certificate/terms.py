# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fields of a credential say of its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import lifetime
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.names import (
    Name,
    find_own_name,
    read_alt_names,
    read_constraints,
    read_general_names,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.signing import (
    CA,
    CLIENT,
    SERVER,
    USAGES,
    Terms,
    find_common_name,
    read_subject,
    write_common_name,
)

if TYPE_CHECKING:
    from cryptography import x509

FIELDS = ("common_name", "distinguished_name", "alt_names", "usages", "path_length", "permitted_names", "valid_for")
_OF_A_CA = ("path_length", "permitted_names")
_VALID_FOR, _CA_VALID_FOR = "90d", "3650d"
_LONGEST_DAYS = 7305
_LONGEST_PATH = 9


def read_terms(texts: Mapping[str, str], name: str) -> Terms:
    """Return what the fields say of the certificate of the credential `name`.

    Raises:
        InvalidInput: a field cannot be read, or does not fit another one.
    """
    usages = _read_usages(texts.get("usages", "{0},{1}".format(SERVER, CLIENT)))
    is_ca = CA in usages
    idle = [field for field in _OF_A_CA if field in texts and not is_ca]
    if idle:
        raise field_error(idle[0], "has no effect without 'usages: ca'", "Set to null: {0}.".format(", ".join(idle)))
    if "common_name" in texts and "distinguished_name" in texts:
        raise field_error("common_name", "is given with 'distinguished_name'", "Put it into that one, as CN=….")
    subject = texts.get("distinguished_name") or write_common_name(texts.get("common_name", name))
    subject = read_subject(subject).rfc4514_string()
    lasts = lifetime(texts.get("valid_for", _CA_VALID_FOR if is_ca else _VALID_FOR), "fields.valid_for")
    if lasts.days > _LONGEST_DAYS:
        raise field_error("valid_for", "is longer than {0} days".format(_LONGEST_DAYS), "Renew the certificate more often.")
    alt_names = read_alt_names(texts["alt_names"]) if "alt_names" in texts else () if is_ca else _find_own_names(subject)
    permitted = read_constraints(texts["permitted_names"], "permitted_names") if "permitted_names" in texts else ()
    return Terms(subject, alt_names, usages, _read_path_length(texts) if is_ca else None, permitted, lasts)


def read_held_names(certificate: x509.Certificate) -> List[Name]:
    """Return the alternative names of a certificate."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return read_general_names(list(found))


def _find_own_names(subject: str) -> Tuple[Name, ...]:
    common_name = find_common_name(subject)
    return find_own_name(common_name) if common_name else ()


def _read_usages(text: str) -> Tuple[str, ...]:
    found = tuple(dict.fromkeys(each.strip() for each in text.split(",")))
    if not set(found) <= set(USAGES):
        raise field_error("usages", "has one that is unknown", "Use any of: {0}.".format(", ".join(USAGES)))
    if CA in found and len(found) > 1:
        raise field_error("usages", "has others with 'ca'", "Let a CA sign, and give its servers and clients certificates of their own.")
    return tuple(usage for usage in USAGES if usage in found)


def _read_path_length(texts: Mapping[str, str]) -> int:
    text = texts.get("path_length", "0")
    if not (text.isascii() and text.isdigit() and int(text) <= _LONGEST_PATH):
        raise field_error("path_length", "is not 0 to {0}".format(_LONGEST_PATH), "Write how many CAs may follow below this one.")
    return int(text)
