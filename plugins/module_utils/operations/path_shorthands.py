# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shorthands of the module `vault_request`: what is often requested of an engine, as a request for its path."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import WRITE, PathRequest


@dataclass(frozen=True)
class Shorthand:
    """A request, whether its response holds a secret, whether something is other afterwards, and whether check mode may send it."""

    request: PathRequest
    sensitive: bool
    changes: bool
    harmless: bool = False


def ssh_sign(given: Mapping[str, Any]) -> Shorthand:
    """Have a public key signed. The certificate is in `data.signed_key`."""
    body = _pick(
        given,
        ("public_key", "ttl", "cert_type", "key_id", "critical_options"),
        valid_principals=_join(given.get("principals")),
        extensions=given.get("extensions"),
    )
    return _write("{mount}/sign/{role}", given, body, sensitive=False, changes=True)


def pki_sign(given: Mapping[str, Any]) -> Shorthand:
    """Have a certificate request signed. The certificate is in `data.certificate`."""
    names = {"alt_names": _join(given.get("alt_names")), "ip_sans": _join(given.get("ip_sans"))}
    body = _pick(given, ("csr", "common_name", "ttl"), **names)
    return _write("{mount}/sign/{role}", given, body, sensitive=False, changes=True)


def transit(given: Mapping[str, Any]) -> Shorthand:
    """Use a key that does not leave the server.

    Raises:
        InvalidInput: what the action needs is missing, or what it does not use is given.
    """
    action = str(given["action"])
    _check_transit(action, given)
    body: Dict[str, Any] = _pick(given, ("ciphertext", "signature"))
    if action in _TAKES_TEXT:
        body[_TAKES_TEXT[action]] = _encode(given)
    harmless = action != "encrypt"  # That makes the key, if there is none and a policy allows it.
    return _write("{mount}/" + action + "/{key}", given, body, sensitive=action == "decrypt", changes=False, harmless=harmless)


def token_create(given: Mapping[str, Any]) -> Shorthand:
    """Make a token below that of the store's login, with which it ends. It is in `auth.client_token`."""
    body = _pick(
        given,
        ("policies", "ttl", "explicit_max_ttl", "period", "num_uses", "renewable", "display_name"),
        meta=None if given.get("metadata") is None else {str(name): str(value) for name, value in given["metadata"].items()},
    )
    path = "auth/token/create" + ("-orphan" if given.get("orphan") else "/{role}" if given.get("role") else "")
    return _write(path, given, body, sensitive=True, changes=True)


SHORTHANDS: Mapping[str, Callable[[Mapping[str, Any]], Shorthand]] = {
    "ssh_sign": ssh_sign,
    "pki_sign": pki_sign,
    "transit": transit,
    "token_create": token_create,
}
_TAKES_TEXT = {"encrypt": "plaintext", "sign": "input", "verify": "input", "hmac": "input"}
"""The actions of transit that take a text, and what the server calls it."""
_NEEDS = {"decrypt": ("ciphertext",), "rewrap": ("ciphertext",), "verify": ("signature",)}


def _write(
    path: str, given: Mapping[str, Any], body: Mapping[str, Any], *, sensitive: bool, changes: bool, harmless: bool = False
) -> Shorthand:
    parts = {name: _check_segment(name, given) for name in ("mount", "role", "key") if given.get(name) is not None}
    return Shorthand(PathRequest(WRITE, path.format(**parts), body, writing=not harmless), sensitive, changes, harmless)


def _check_segment(option: str, given: Mapping[str, Any]) -> str:
    """Return a part of a path. Only a mount has several segments.

    Raises:
        InvalidInput: it would lead to another path.
    """
    text = str(given[option]).strip("/")
    if not text or ("/" in text and option != "mount"):
        raise InvalidInput("it is no name at the server", option=option, remedy="Write one name, without '/'.")
    return text


def _pick(given: Mapping[str, Any], options: Any, **more: Any) -> Dict[str, Any]:
    """Return the options that are given, under the same names, and what else is given."""
    found = {name: given.get(name) for name in options}
    return {name: value for name, value in {**found, **more}.items() if value is not None}


def _join(texts: Any) -> Any:
    return None if texts is None else ",".join(texts)


def _check_transit(action: str, given: Mapping[str, Any]) -> None:
    needed = _NEEDS.get(action, ())
    for option in needed:
        if given.get(option) is None:
            raise InvalidInput("'{0}' needs it".format(action), option="transit." + option, remedy="Give it.")
    takes = (*needed, *(("text", "binary") if action in _TAKES_TEXT else ()))
    for option in ("text", "binary", "ciphertext", "signature"):
        if given.get(option) is not None and option not in takes:
            raise InvalidInput("'{0}' does not use it".format(action), option="transit." + option, remedy="Leave it out.")
    if action in _TAKES_TEXT and given.get("text") is None and given.get("binary") is None:
        raise InvalidInput("'{0}' needs a text".format(action), option="transit.text", remedy="Give 'text', or 'binary' in base64.")


def _encode(given: Mapping[str, Any]) -> str:
    """Return what the task gives in base64, as the server takes it.

    Raises:
        InvalidInput: `binary` is not base64.
    """
    if given.get("binary") is None:
        return base64.b64encode(str(given["text"]).encode("utf-8")).decode("ascii")
    try:
        return base64.b64encode(base64.b64decode(str(given["binary"]), validate=True)).decode("ascii")
    except (binascii.Error, ValueError):
        raise InvalidInput("it is not base64", option="transit.binary", remedy="Encode it, or give 'text'.") from None
