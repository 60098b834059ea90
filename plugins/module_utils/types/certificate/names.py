# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names in certificates, as people write them, and the constraints of authorities on them (RFC 5280 section 4.2.1.10)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error

if TYPE_CHECKING:
    from cryptography import x509

DNS, IP, EMAIL, URI = "DNS", "IP", "email", "URI"
MOST_NAMES = 100

_PREFIX = re.compile(r"(DNS|IP|email|URI):(.+)\Z", re.IGNORECASE)
_KINDS = {kind.lower(): kind for kind in (DNS, IP, EMAIL, URI)}
_HOST = re.compile(
    r"(?=.{1,253}\Z)(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\Z"
)
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
_LONGEST_NAME = 2048
_NAMES = "Write names with commas in between: www.example.com, IP:192.0.2.7, email:app@example.com, URI:spiffe://example.com/app."


class Name(NamedTuple):
    """One name of a subject: a kind (`DNS`, `IP`, `email`, `URI`), and the text."""

    kind: str
    text: str


def read_alt_names(text: str, field: str = "alt_names") -> Tuple[Name, ...]:
    """Return names that are written with commas in between, each with its kind before it or recognised by its form.

    Raises:
        InvalidInput: one is empty, or is none of its kind; there are too many.
    """
    return tuple(_check_name(_read_name(each), field) for each in _split(text, field))


def read_constraints(text: str, field: str) -> Tuple[Name, ...]:
    """Return what an authority may sign: domains, networks (`192.0.2.0/24`), and hosts of email addresses.

    Raises:
        InvalidInput: one is empty, or is none of these.
    """
    found = []
    for each in _split(text, field):
        name = _read_name(each)
        if name.kind == DNS and _is_network(name.text):
            name = Name(IP, name.text)
        is_valid = _is_network(name.text) if name.kind == IP else bool(_HOST.match(name.text.lstrip("."))) and "*" not in name.text
        if not is_valid or name.kind == URI or not _is_built(Name(name.kind, name.text.lstrip("."))):
            raise field_error(field, "has one that is no domain and no network", "Write for example: example.com, 192.0.2.0/24.")
        found.append(Name(name.kind, name.text.lstrip(".")))
    return tuple(found)


def find_own_name(common_name: str) -> Tuple[Name, ...]:
    """Return the alternative name that a common name stands for; none if it is neither a host name nor an address.

    Clients compare the alternative names alone (RFC 9525).
    """
    if _is_address(common_name):
        return (Name(IP, common_name),)
    return (Name(DNS, common_name),) if _HOST.match(common_name) else ()


def build_general_name(name: Name) -> x509.GeneralName:
    """Return a name in the form of `cryptography`; one of an authority's constraints if it is a network."""
    from cryptography import x509

    if name.kind == IP:
        is_network = "/" in name.text
        return x509.IPAddress(ipaddress.ip_network(name.text) if is_network else ipaddress.ip_address(name.text))
    kinds: Dict[str, Any] = {DNS: x509.DNSName, EMAIL: x509.RFC822Name, URI: x509.UniformResourceIdentifier}
    built: x509.GeneralName = kinds[name.kind](name.text)
    return built


def read_general_names(names: Sequence[x509.GeneralName]) -> List[Name]:
    """Return the names of a certificate, without those of other kinds."""
    from cryptography import x509

    kinds = {x509.DNSName: DNS, x509.IPAddress: IP, x509.RFC822Name: EMAIL, x509.UniformResourceIdentifier: URI}
    return [Name(kinds[type(each)], str(each.value)) for each in names if type(each) in kinds]


def covers(held: Sequence[Name], wanted: Name) -> bool:
    """Return True if a certificate with the names `held` is good for `wanted`, a wildcard for one label included (RFC 9525)."""
    return any(_is_same(each, wanted) or _is_below_wildcard(each, wanted) for each in held)


def find_refused(subtrees: x509.NameConstraints, names: Sequence[Name]) -> Optional[Name]:
    """Return the first name that constraints do not let an authority sign; None if it may sign all."""
    for name in names:
        permitted = [each for each in read_general_names(subtrees.permitted_subtrees or ()) if each.kind == name.kind]
        excluded = [each for each in read_general_names(subtrees.excluded_subtrees or ()) if each.kind == name.kind]
        if (permitted and not any(_is_within(name, each) for each in permitted)) or any(_is_within(name, each) for each in excluded):
            return name
    return None


def _split(text: str, field: str) -> List[str]:
    parts = [each.strip() for each in text.replace("\n", ",").strip(" ,\n").split(",")]
    if not all(parts) or len(parts) > MOST_NAMES:
        raise field_error(field, "has an empty name, or more than {0}".format(MOST_NAMES), _NAMES)
    return list(dict.fromkeys(parts))


def _read_name(text: str) -> Name:
    prefixed = _PREFIX.match(text)
    if prefixed:
        return Name(_KINDS[prefixed.group(1).lower()], prefixed.group(2).strip())
    if _is_address(text):
        return Name(IP, text)
    if "://" in text:
        return Name(URI, text)
    return Name(EMAIL if "@" in text else DNS, text)


def _check_name(name: Name, field: str) -> Name:
    is_valid = {
        DNS: lambda: bool(_HOST.match(name.text)),
        IP: lambda: _is_address(name.text),
        EMAIL: lambda: bool(_LOCAL_PART.match(name.text.rpartition("@")[0]) and _HOST.match(name.text.rpartition("@")[2])),
        URI: lambda: bool(urlsplit(name.text).scheme and (urlsplit(name.text).netloc or urlsplit(name.text).path)),
    }[name.kind]
    is_plain = len(name.text) <= _LONGEST_NAME and name.text.isascii() and name.text.isprintable() and " " not in name.text
    if not (is_plain and _is_true(is_valid) and _is_built(name)):
        what = "has a name that is none of kind '{0}'".format(name.kind)
        raise field_error(field, what, _NAMES + " A name in other letters is written as xn--….")
    return Name(IP, str(ipaddress.ip_address(name.text))) if name.kind == IP else name


def _is_built(name: Name) -> bool:
    """Return True if `cryptography` takes a name too: it has rules of its own for email addresses."""
    return _is_true(lambda: build_general_name(name) is not None)


def _is_true(check: object) -> bool:
    try:
        return bool(check())  # type: ignore[operator]
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    return _is_true(lambda: ipaddress.ip_address(text))


def _is_network(text: str) -> bool:
    return "/" in text and _is_true(lambda: ipaddress.ip_network(text))


def _is_same(held: Name, wanted: Name) -> bool:
    if held.kind != wanted.kind:
        return False
    return held.text.lower() == wanted.text.lower() if held.kind == DNS else held.text == wanted.text


def _is_below_wildcard(held: Name, wanted: Name) -> bool:
    if held.kind != DNS or wanted.kind != DNS or not held.text.startswith("*."):
        return False
    return wanted.text.lower().partition(".")[2] == held.text[2:].lower() and "*" not in wanted.text


def _is_within(name: Name, subtree: Name) -> bool:
    if name.kind == IP:
        network: Union[ipaddress.IPv4Network, ipaddress.IPv6Network] = ipaddress.ip_network(subtree.text)
        return ipaddress.ip_address(name.text) in network
    if name.kind == EMAIL and "@" in subtree.text:
        return name.text == subtree.text
    host = {EMAIL: name.text.rpartition("@")[2], URI: _read_host(name.text)}.get(name.kind, name.text).lower()
    domain = subtree.text.lower()
    # The host itself is within a domain of DNS names; for the other kinds a domain with a dot before it means those below alone.
    if domain.startswith("."):
        return host.endswith(domain)
    return host == domain or (name.kind == DNS and host.endswith("." + domain))


def _read_host(uri: str) -> str:
    return urlsplit(uri).hostname or ""
