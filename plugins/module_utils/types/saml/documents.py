# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents of SAML: their names, and parsing that has no DTD, no entity, no comment, no processing instruction, and limits."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidCallback

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"

MAX_BYTES = 512 * 1024
"""The longest document, before base64 is taken away and after it."""
MAX_ELEMENTS = 5000
MAX_DEPTH = 40
LATEST = datetime(9999, 1, 1, tzinfo=timezone.utc)
"""The latest time that is read: others can still be reckoned from it."""

_DECLARATION = re.compile(
    rb"""\A<\?xml version=["']1\.0["'](?: encoding=["']utf-8["'])?(?: standalone=["'](?:yes|no)["'])?\s*\?>""", re.IGNORECASE
)
_LINE_ENDS = re.compile(r"\r?\n")
_TIME = re.compile(r"\A(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z\Z")


def refusal(why: str) -> CredentialError:
    """Return the error of every response that is not accepted. It has no part of the document."""
    return InvalidCallback("the response is not accepted: {0}".format(why), remedy="Log in again: start another login with phase 'start'.")


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, in the one form that base64 has for them; lines may end in it.

    Raises:
        InvalidCallback: it is no base64, or longer than `MAX_BYTES`.
    """
    if len(text) > MAX_BYTES:
        raise refusal("it is longer than {0} bytes".format(MAX_BYTES))
    joined = _LINE_ENDS.sub("", text.strip())
    try:
        found = base64.b64decode(joined.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise refusal("it is not in base64") from None
    if base64.b64encode(found).decode("ascii") != joined:
        raise refusal("it is not in base64")
    return found


def parse(text: bytes) -> Element:
    """Return the root of a document in UTF-8 that consists of elements and texts alone.

    Raises:
        InvalidCallback: it is none, or exceeds a limit.
    """
    from lxml import etree

    if len(text) > MAX_BYTES:
        raise refusal("it is longer than {0} bytes".format(MAX_BYTES))
    declared = _DECLARATION.match(text)
    body = text[declared.end() :] if declared else text
    # A '<' is nothing but the start of a tag without these, so no parser sees a DTD, an entity, a comment, an instruction or CDATA.
    if b"<!" in body or b"<?" in body:
        raise refusal("it holds something else than elements and texts")
    if body.count(b"<") > 2 * MAX_ELEMENTS:
        raise refusal("it has more than {0} elements".format(MAX_ELEMENTS))
    try:
        body.decode("utf-8")
        root = etree.fromstring(body, etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False))
    except (UnicodeDecodeError, etree.XMLSyntaxError):
        raise refusal("it is no XML in UTF-8") from None
    if read_depth(root) > MAX_DEPTH:
        raise refusal("its elements are nested more than {0} deep".format(MAX_DEPTH))
    return root


def parse_configuration(text: bytes) -> Element:
    """Return the root of a document that a person gives as configuration, whose comments are removed first. Raises as `parse`."""
    return parse(_remove_comments(text[: MAX_BYTES + 1]).strip())


def _remove_comments(text: bytes) -> bytes:
    """Return a document without its comments; one that does not end stays. Each byte is looked at once."""
    kept: List[bytes] = []
    place = 0
    while True:
        begin = text.find(b"<!--", place)
        end = text.find(b"-->", begin + 4) if begin >= 0 else -1
        if end < 0:
            return b"".join((*kept, text[place:]))
        kept.append(text[place:begin])
        place = end + 3


def read_depth(root: Element) -> int:
    """Return how deep the elements of a document are nested."""
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
    return depth


def write(element: Element) -> bytes:
    """Return an element as a document of its own, with the namespaces that it uses and without what follows it."""
    from lxml import etree

    document: bytes = etree.tostring(element, encoding="utf-8", xml_declaration=False, with_tail=False)
    return document


def name_of(namespace: str, name: str) -> str:
    """Return a name as lxml writes it."""
    return "{{{0}}}{1}".format(namespace, name)


def find_children(parent: Element, namespace: str, *names: str) -> List[Element]:
    """Return the direct children that have one of these names."""
    wanted = [name_of(namespace, name) for name in names]
    return [child for child in parent if child.tag in wanted]


def find_child(parent: Element, namespace: str, name: str) -> Optional[Element]:
    """Return the one direct child of this name; None without one.

    Raises:
        InvalidCallback: there are several.
    """
    found = find_children(parent, namespace, name)
    if len(found) > 1:
        raise refusal("it has several elements '{0}' where one belongs".format(name))
    return found[0] if found else None


def need_child(parent: Element, namespace: str, name: str) -> Element:
    """Return the one direct child of this name.

    Raises:
        InvalidCallback: there is none, or there are several.
    """
    found = find_child(parent, namespace, name)
    if found is None:
        raise refusal("it has no element '{0}' where one belongs".format(name))
    return found


def read_text(element: Element) -> str:
    """Return the text of an element, without white space around it.

    Raises:
        InvalidCallback: there is something else than text in it.
    """
    if len(element):
        raise refusal("an element of text holds others")
    return (element.text or "").strip()


def read_time(element: Element, attribute: str) -> Optional[datetime]:
    """Return the time in an attribute (aware, UTC, whole seconds; `LATEST` for a later one); None without the attribute.

    Raises:
        InvalidCallback: it is no time in UTC.
    """
    text = element.get(attribute)
    if text is None:
        return None
    found = _TIME.match(text)
    try:
        return min(LATEST, datetime.strptime(found.group(1) if found else "", "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc))
    except ValueError:
        raise refusal("'{0}' is no time in UTC".format(attribute)) from None


def write_time(time: datetime) -> str:
    """Return a time as SAML writes it, in whole seconds."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(namespace: str, name: str, attributes: Dict[str, str], prefixes: Optional[Dict[str, str]] = None) -> Element:
    """Return a new element."""
    from lxml import etree

    return etree.Element(name_of(namespace, name), attributes, prefixes)


def add(parent: Element, namespace: str, name: str, attributes: Optional[Dict[str, str]] = None, text: Optional[str] = None) -> Element:
    """Add a child to an element, and return it."""
    from lxml import etree

    child = etree.SubElement(parent, name_of(namespace, name), attributes or {})
    child.text = text
    return child
