# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Impersonation, as a kubeconfig asks for it: the headers that make the API server act with the rights of another identity."""

from __future__ import annotations

import base64
import json
import string
from typing import Any, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

_PLAIN = frozenset(string.ascii_letters + string.digits + "!#$&'*+-.^_`|~")
"""The characters of a header's name (RFC 9110 section 5.6.2) but '%', which begins a code."""


def impersonation_headers(user: Mapping[str, Any]) -> Tuple[Tuple[str, str], ...]:
    """Return the headers for `as`, `as-uid`, `as-groups` and `as-user-extra` of a kubeconfig's user; a name may be repeated.

    Raises:
        InvalidConfiguration: a value cannot be a header, or has another shape.
    """
    try:
        return tuple((name, _header(value)) for name, value in _headers(user))
    except (TypeError, ValueError, AttributeError):
        raise InvalidConfiguration(
            "the kubeconfig's impersonation cannot be used",
            option="kubeconfig",
            remedy="Write 'as' and 'as-uid' as text, 'as-groups' as a list, 'as-user-extra' as a mapping of lists.",
        ) from None


def _headers(user: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if user.get(key):
            yield header, user[key]
    for group in _list(user.get("as-groups")):
        yield "Impersonate-Group", group
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in _list(values):
            yield "Impersonate-Extra-" + _escape(key), value


def _list(values: Any) -> Any:
    if not isinstance(values, (list, type(None))):
        raise TypeError
    return values or ()


def _escape(key: str) -> str:
    """Return a key as a part of a header's name: other bytes are written as in URLs."""
    return "".join(chr(byte) if chr(byte) in _PLAIN else "%{0:02X}".format(byte) for byte in key.encode("utf-8"))


def _header(value: Any) -> str:
    """Return the value of a header. Headers are sent as Latin-1, and the server reads UTF-8."""
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError
    return value.encode("utf-8").decode("latin-1")


def service_account_headers(account: str, namespace: str, authorization: Optional[str]) -> Tuple[Tuple[str, str], ...]:
    """Return the header for a service account; none if the login is its own, which needs no right to impersonate.

    Args:
        account: `name`, or `namespace/name`.
        namespace: the namespace of an account that names none.
        authorization: the login's header. Its subject is read, not verified: the server decides what it may do.
    """
    place, _slash, name = account.rpartition("/")
    identity = "system:serviceaccount:{0}:{1}".format(place or namespace, name)
    return () if _read_subject(authorization) == identity else (("Impersonate-User", identity),)


def _read_subject(authorization: Optional[str]) -> Optional[str]:
    """Return the subject of a service account's token (a JWT, RFC 7519); None for any other login."""
    parts = (authorization or "").split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
