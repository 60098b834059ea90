# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of types. It is static: what is sent to a host is chosen by imports that the source shows."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import UnsupportedType, suggest
from ansible_collections.nebula.credential.plugins.module_utils.types.api_key import ApiKey
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
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


def _load_rds_iam() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.rds_iam import RdsIam

    return RdsIam()


def _load_ssh_key() -> CredentialType:
    from ansible_collections.nebula.credential.plugins.module_utils.types.ssh_key import SshKey

    return SshKey()


_TYPES: Dict[str, CredentialType] = {kind.name: kind for kind in (ApiKey(), Basic(), Database(), Opaque())}
_LOADERS: Mapping[str, Callable[[], CredentialType]] = {
    "aws": _load_aws,
    "azure": _load_azure,
    "certificate": _load_certificate,
    "gcp": _load_gcp,
    "github_app": _load_github_app,
    "jwt": _load_jwt,
    "rds_iam": _load_rds_iam,
    "registry": _load_container_registry,
    "ssh_key": _load_ssh_key,
}
"""The types whose files are loaded with the first credential of theirs. Then they are in `_TYPES` too."""
_REFRESHABLE: FrozenSet[str] = frozenset(("aws", "azure", "certificate", "gcp", "github_app", "jwt", "rds_iam", "registry"))
"""Those of them whose values can be refreshed."""

TYPES: Tuple[str, ...] = (*tuple(sorted((*_TYPES, *_LOADERS))), Custom.name)


def is_refreshable(name: str) -> bool:
    """Return True if values of the type with this name can be refreshed. Every read calls this, so it only looks into a table."""
    kind = _TYPES.get(name)
    return name in _REFRESHABLE if kind is None else kind.capabilities.refresh


def check_type(name: str) -> None:
    """Check that there is a type of this name.

    Raises:
        UnsupportedType: there is none; the message has the closest one, and lists the types.
    """
    if name not in _TYPES and name not in _LOADERS and name != Custom.name:
        remedy = "{0}Use one of: {1}.".format(suggest(name, TYPES), ", ".join(TYPES))
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
