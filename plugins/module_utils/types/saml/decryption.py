# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted assertions (SAML core 2.3.4), by xmlsec, which is loaded when the first one arrives and does nothing else here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.documents import (
    DS,
    SAML,
    XENC,
    XENC11,
    add,
    find_child,
    find_children,
    name_of,
    need_child,
    parse,
    read_text,
    refusal,
    write,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ansible_collections.nebula.credential.plugins.module_utils.types.saml.keys import ServiceKey

XMLSEC = Package("xmlsec >= 1.3.17", "xmlsec", "encrypted assertions")
OAEP = (XENC + "rsa-oaep-mgf1p", XENC11 + "rsa-oaep")
"""How the key of an assertion may be encrypted."""
GCM = tuple(XENC11 + "aes{0}-gcm".format(bits) for bits in (128, 192, 256))
CBC = tuple(XENC + "aes{0}-cbc".format(bits) for bits in (128, 192, 256))
"""Nobody can tell that what was encrypted so has not been changed: only within a signed response."""
_ELEMENT = XENC + "Element"
_PARTS_OF_DATA = (name_of(XENC, "EncryptionMethod"), name_of(DS, "KeyInfo"), name_of(XENC, "CipherData"))
_PARTS_OF_KEY = (*_PARTS_OF_DATA, name_of(XENC, "CarriedKeyName"), name_of(XENC, "ReferenceList"))


def decrypt(container: Element, key: Optional[ServiceKey], is_signed: bool) -> Element:
    """Return the assertion that a response holds encrypted, parsed anew.

    Args:
        container: the response; what was signed of it if it is signed.
        key: the key of the service; None without one.
        is_signed: whether the response is signed.

    Raises:
        InvalidCallback: it cannot be decrypted. There is one text for all reasons, which therefore do not help to find out the key.
        InvalidConfiguration: xmlsec and lxml do not fit together.
        MissingLibrary: xmlsec is not installed.
    """
    holder = need_child(parse(write(container)), SAML, "EncryptedAssertion")
    if key is None or not _is_accepted(holder, is_signed):
        raise _not_decrypted()
    data = _rebuild(holder)
    xmlsec = _load_xmlsec()
    try:
        manager = xmlsec.KeysManager()
        manager.add_key(xmlsec.Key.from_memory(key.pem, xmlsec.constants.KeyDataFormatPem))
        decrypted = list(_parse_within(holder, xmlsec.EncryptionContext(manager).decrypt(data)))
    except Exception:  # noqa: BLE001  # one error for all reasons
        raise _not_decrypted() from None
    if [each.tag for each in decrypted] != [name_of(SAML, "Assertion")]:
        raise _not_decrypted()
    return parse(write(decrypted[0]))


def _parse_within(holder: Element, text: bytes) -> Element:
    """Return a new element with what was decrypted, which may use the prefixes of the place where it was."""
    from lxml import etree

    place = etree.Element("decrypted", nsmap=holder.nsmap)
    place.text = "|"
    before, _mark, after = write(place).partition(b">|<")
    return parse(before + b">" + text + b"<" + after)


def _not_decrypted() -> Exception:
    return refusal("its assertion cannot be decrypted")


def _is_accepted(holder: Element, is_signed: bool) -> bool:
    """Return True if the assertion is encrypted as it may be, and with nothing that names another place."""
    data, key = need_child(holder, XENC, "EncryptedData"), _find_key(holder)
    methods = (*GCM, *CBC) if is_signed else GCM
    return (
        data.get("Type") == _ELEMENT
        and _read_method(data) in methods
        and _read_method(key) in OAEP
        and _has_only(data, _PARTS_OF_DATA)
        and _has_only(key, _PARTS_OF_KEY)
        and _holds_value(data)
        and _holds_value(key)
    )


def _read_method(element: Element) -> str:
    return need_child(element, XENC, "EncryptionMethod").get("Algorithm") or ""


def _has_only(element: Element, tags: Tuple[str, ...]) -> bool:
    return all(child.tag in tags for child in element)


def _holds_value(element: Element) -> bool:
    return [child.tag for child in need_child(element, XENC, "CipherData")] == [name_of(XENC, "CipherValue")]


def _find_key(holder: Element) -> Element:
    """Return the one encrypted key: within the data, or beside it."""
    info = find_child(need_child(holder, XENC, "EncryptedData"), DS, "KeyInfo")
    within: List[Element] = [] if info is None else find_children(info, XENC, "EncryptedKey")
    found = within + find_children(holder, XENC, "EncryptedKey")
    if len(found) != 1:
        raise _not_decrypted()
    return found[0]


def _rebuild(holder: Element) -> Element:
    """Put in the place of the encrypted data one that has only the parts that were looked at, and return it."""
    data, key = need_child(holder, XENC, "EncryptedData"), _find_key(holder)
    for child in list(holder):
        holder.remove(child)
    # It has no type, so that xmlsec returns the text: what it cannot parse it would print.
    built = add(holder, XENC, "EncryptedData")
    add(built, XENC, "EncryptionMethod", {"Algorithm": _read_method(data)})
    encrypted = add(add(built, DS, "KeyInfo"), XENC, "EncryptedKey")
    encrypted.append(need_child(key, XENC, "EncryptionMethod"))
    _copy_value(key, encrypted)
    _copy_value(data, built)
    return built


def _copy_value(source: Element, target: Element) -> None:
    value = read_text(need_child(need_child(source, XENC, "CipherData"), XENC, "CipherValue"))
    add(add(target, XENC, "CipherData"), XENC, "CipherValue", text=value)


def _load_xmlsec() -> Any:
    check_packages((XMLSEC,))
    try:
        import xmlsec
    except Exception:  # noqa: BLE001  # it raises an error of its own if it was built with another libxml2 than lxml
        what = "the packages xmlsec and lxml were built with different versions of libxml2"
        remedy = "Install both as wheels of one time: pip install --force-reinstall 'xmlsec>=1.3.17' 'lxml>=6.1.3'."
        raise InvalidConfiguration(what, remedy=remedy) from None
    return xmlsec
