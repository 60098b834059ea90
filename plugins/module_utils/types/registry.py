# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of types. It is static: what is sent to a host is chosen by imports that the source shows.

A third party's type is one of a collection (`acme.vaulty.badge`) or of a Python package. The controller adds it to its own processes.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, UnsupportedType, suggest
from ansible_collections.nebula.credential.plugins.module_utils.types.api_key import ApiKey
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES, CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.basic import Basic
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import DECLARATION, Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.database import Database
from ansible_collections.nebula.credential.plugins.module_utils.types.opaque import Opaque


def _load_aws() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.aws import Aws

    return Aws()


def _load_azure() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.azure import Azure

    return Azure()


def _load_certificate() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificate_type import Certificate

    return Certificate()


def _load_container_registry() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.container_registry import ContainerRegistry

    return ContainerRegistry()


def _load_gcp() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.gcp import Gcp

    return Gcp()


def _load_github_app() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.github_app import GithubApp

    return GithubApp()


def _load_jwt() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.jwt_type import Jwt

    return Jwt()


def _load_kerberos() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.kerberos_type import Kerberos

    return Kerberos()


def _load_ldap() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.ldap import Ldap

    return Ldap()


def _load_oauth2() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.oauth2_type import OAuth2

    return OAuth2()


def _load_rds_iam() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.rds_iam import RdsIam

    return RdsIam()


def _load_saml() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.saml.saml_type import Saml

    return Saml()


def _load_ssh_key() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.ssh_key import SshKey

    return SshKey()


def _load_totp() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.totp import Totp

    return Totp()


def _load_composite() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.composed import Composite

    return Composite()


def _load_chain() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.composed import Chain

    return Chain()


def _load_wireguard() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.key_pairs import WireGuard

    return WireGuard()


def _load_age() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.key_pairs import Age

    return Age()


_TYPES: Dict[str, CredentialType] = {kind.name: kind for kind in (ApiKey(), Basic(), Database(), Opaque())}
_LOADERS: Mapping[str, Callable[[], CredentialType]] = {
    "age": _load_age,
    "aws": _load_aws,
    "azure": _load_azure,
    "certificate": _load_certificate,
    "chain": _load_chain,
    "composite": _load_composite,
    "gcp": _load_gcp,
    "github_app": _load_github_app,
    "jwt": _load_jwt,
    "kerberos": _load_kerberos,
    "ldap": _load_ldap,
    "oauth2": _load_oauth2,
    "rds_iam": _load_rds_iam,
    "registry": _load_container_registry,
    "saml": _load_saml,
    "ssh_key": _load_ssh_key,
    "totp": _load_totp,
    "wireguard": _load_wireguard,
}
"""The types whose files are loaded with the first credential of theirs. Then they are in `_TYPES` too."""
_REFRESHABLE: FrozenSet[str] = frozenset(
    ("aws", "azure", "certificate", "gcp", "github_app", "jwt", "kerberos", "oauth2", "rds_iam", "registry", "custom")
)
"""Those of them whose values can be refreshed, and `custom`."""
_UNCACHED: FrozenSet[str] = frozenset(("totp",))
"""Those of them that no cache may keep."""
_COMPOSED: FrozenSet[str] = frozenset(("chain", "composite"))
"""Those of them whose values are those of other credentials."""
INTERACTIVE: Tuple[str, ...] = ("oauth2", "saml")
"""Those of them with a login by a person."""

TYPES: Tuple[str, ...] = (*tuple(sorted((*_TYPES, *_LOADERS))), Custom.name)


OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "types": {
        "description": "The types of other collections and packages that credentials of the store may have. They run on the controller.",
        "type": "list",
        "elements": "str",
    },
    RECIPES: {
        "description": "How values of the type `custom` are renewed, by the name that their declaration has. Only in `nebula.yml`.",
        "type": "dict",
    },
}
"""The options of every store about types."""


def add_type(name: str, kind: CredentialType) -> None:
    """Add a third party's type to this process. The controller does it; a host never has one."""
    kind.name = name
    _TYPES[name] = kind


def prepare_types(options: Mapping[str, Any], validate: Callable[..., Any], warn: Callable[[str], object]) -> Mapping[str, Any]:
    """Check what a store says about types, and return its recipes for values of custom types, by name.

    Args:
        options: the store's options.
        validate: checks the options of a recipe.
        warn: called with each warning.

    Raises:
        InvalidConfiguration: a type of another party was not added to this process, or a recipe is wrong.
    """
    missing = [name for name in options.get("types") or () if name not in _TYPES]
    if missing:
        what = "the type {0} was not loaded".format(ascii(missing[0]))
        raise InvalidConfiguration(what, option="types", remedy="Types of other parties can be used by plays, on the controller.")
    if not options.get(RECIPES):
        return {}
    # Imported here: few stores have one.
    from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.options import read_recipes

    return read_recipes(options[RECIPES], validate, warn)


def is_loaded(name: str) -> bool:
    """Return True if a type of this name was loaded or added."""
    return name in _TYPES


def is_refreshable(name: str) -> bool:
    """Return True if values of the type with this name can be refreshed. Every read calls this, so it only looks into a table."""
    kind = _TYPES.get(name)
    return name in _REFRESHABLE if kind is None else kind.capabilities.refresh


def is_cached(name: str) -> bool:
    """Return True if caches may keep credentials of the type with this name. Every fetch calls this, so it only looks into a table.

    A type that is not loaded here may be one that they must not keep.
    """
    kind = _TYPES.get(name)
    return name in TYPES and name not in _UNCACHED if kind is None else kind.capabilities.cached


def is_composed(name: str) -> bool:
    """Return True if the values of the type with this name are those of other credentials. Every read calls this."""
    kind = _TYPES.get(name)
    return name in _COMPOSED if kind is None else kind.capabilities.composed


def check_type(name: str) -> None:
    """Check that there is a type of this name.

    Raises:
        UnsupportedType: there is none; the message has the closest one, and lists the types.
    """
    if name not in _TYPES and name not in _LOADERS and name != Custom.name:
        there = (*TYPES, *sorted(set(_TYPES) - set(TYPES)))
        remedy = "{0}Use one of: {1}. ".format(suggest(name, there), ", ".join(there)) if "." not in name else ""
        remedy += "One of another party is named in the option 'types' of the store, too."
        raise UnsupportedType("there is no type {0}".format(ascii(name)), option="type", remedy=remedy)


def type_named(name: str, attributes: Mapping[str, Any]) -> CredentialType:
    """Return the type of a credential.

    Args:
        name: the type's name.
        attributes: the attributes of the metadata; those of a custom type hold its declaration.

    Raises:
        UnsupportedType: there is no such type; the message lists the types.
        InvalidInput: the declaration of a custom type is missing or wrong.
    """
    if name == Custom.name:
        return Custom(attributes.get(DECLARATION) or ())
    check_type(name)
    if name not in _TYPES:
        _TYPES[name] = _LOADERS[name]()
    return _TYPES[name]
