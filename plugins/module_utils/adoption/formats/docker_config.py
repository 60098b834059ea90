# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's and Podman's `config.json`, and what a Secret of the type `kubernetes.io/dockerconfigjson` holds: each login at a registry.

What a credential helper keeps is not in the file.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    as_text,
    decode_base64,
    make_distinct,
    make_found,
    read_object,
    read_text,
    refuse,
    show,
    take_object,
    take_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

SKIP = "skip_helpers"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **NAMING,
    SKIP: {
        "description": "Leave out the logins that a credential helper keeps. By default a file that names one is refused.",
        "type": "bool",
        "default": False,
    },
}
_REMEDY = "Name a config.json that 'docker login' or 'podman login' has written."
_LOGIN = {"auth", "username", "password", "identitytoken", "registrytoken"}


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the logins of a file.

    Args:
        path: the file.
        options: `skip_helpers` and `characters` (`OPTIONS`).

    Raises:
        InvalidInput: it is not such a file, or a helper keeps logins that it names. The message names the registries.
        CredentialError: it cannot be read.
    """
    config = read_object(path, read_text(path, MIB), "a configuration of Docker", _REMEDY)
    if config and not {"auths", "credHelpers", "credsStore"} & set(config):
        refuse(path, "", "it is no configuration of Docker with logins: it has no 'auths'", _REMEDY)
    logins = take_object(path, config.get("auths"), "auths", _REMEDY)
    if not options.get(SKIP):
        _refuse_helpers(path, config, logins)
    return make_distinct(path, ((_read_login(path, server, login), "") for server, login in logins.items()), options)


def _refuse_helpers(path: str, config: Mapping[str, Any], logins: Mapping[str, Any]) -> None:
    helpers: List[Tuple[str, str]] = [
        (server, take_text(path, helper, "credHelpers.{0}".format(show(server)), _REMEDY))
        for server, helper in take_object(path, config.get("credHelpers"), "credHelpers", _REMEDY).items()
    ]
    store = take_text(path, config.get("credsStore"), "credsStore", _REMEDY)
    if store:
        empty = [server for server, login in logins.items() if not login]
        helpers += [(server, store) for server in empty or ["every registry that is not in the file"]]
    if helpers:
        named = ", ".join("{0} (docker-credential-{1})".format(show(server), show(helper)) for server, helper in helpers)
        remedy = "Get them with 'docker-credential-HELPER get', or write '{0}: true' to take the other logins alone.".format(SKIP)
        refuse(path, "", "logins are kept by programs and are not in the file: {0}".format(named), remedy)


def _read_login(path: str, server: str, written: Any) -> Optional[Found]:
    place = "auths.{0}".format(show(server))
    login = take_object(path, written, place, _REMEDY)
    parts = {part: take_text(path, login.get(part), "{0}.{1}".format(place, part), _REMEDY) for part in _LOGIN}
    username, password = _split_login(path, parts["auth"], place + ".auth") if parts["auth"] else (parts["username"], parts["password"])
    tokens = {"identity_token": parts["identitytoken"], "registry_token": parts["registrytoken"]}
    secret = {"password": password, **tokens}
    if not any(secret.values()):
        return None
    stated = "registry" if username and password and not any(tokens.values()) else None
    return make_found(path, place, _name(server), {"server": server, "username": username, **secret}, type=stated)


def _split_login(path: str, text: str, place: str) -> Tuple[str, str]:
    """Return the user and the password. Docker takes zero bytes off its end."""
    decoded = as_text(decode_base64(path, text, place))
    if isinstance(decoded, bytes) or ":" not in decoded:
        return refuse(path, place, "it is no user and password", _REMEDY)
    username, _colon, password = decoded.partition(":")
    return username, password.strip("\0")


def _name(server: str) -> str:
    """The name of an entry: the registry without `https://` and without a slash at its end."""
    return server.partition("://")[2].rstrip("/") if "://" in server else server.rstrip("/")
