# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of container registries: a user and a password, or those that a cloud makes from its key."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import aws_login, entra_login, google_key
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_texts,
    refresh_unsupported_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import CA_CERT, check_ca_cert

PLAIN, ECR, ACR, GAR = "plain", "ecr", "acr", "gar"
SERVER, USERNAME, PASSWORD = "server", "username", "password"
AUTH, DOCKER_CONFIG = "auth", "dockerconfigjson"
_HOST = re.compile(r"(?:https://)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._/-]*)?\Z")
_BARE_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")


class Provider(NamedTuple):
    """A kind of registry.

    Attributes:
        primary: the field of its key.
        fields: all fields that it takes.
        packages: what its requests need.
    """

    primary: str
    fields: Tuple[str, ...]
    packages: Tuple[Package, ...] = ()


def _names(fields: Sequence[Field]) -> Tuple[str, ...]:
    return tuple(field.name for field in fields)


PROVIDERS: Mapping[str, Provider] = {
    PLAIN: Provider(PASSWORD, (SERVER, USERNAME, PASSWORD)),
    ECR: Provider("secret_access_key", (SERVER, *_names(aws_login.LOGIN_FIELDS)), (aws_login.BOTOCORE,)),
    ACR: Provider("client_secret", (SERVER, CA_CERT.name, *_names(entra_login.PRINCIPAL_FIELDS)), entra_login.PACKAGES),
    GAR: Provider(google_key.KEY.name, (SERVER, CA_CERT.name, google_key.KEY.name), google_key.PACKAGES),
}


class ContainerRegistry(CredentialType):
    """The login of one registry. `auth` and `dockerconfigjson` can be read as fields; they are computed from the current login."""

    name = "registry"
    description = "a login of a container registry"
    primary = PASSWORD
    capabilities = TypeCapabilities(refresh=True, generation=False)
    packages = tuple(dict.fromkeys(package for provider in PROVIDERS.values() for package in provider.packages))
    refresh_is_single_use = False
    fields = (
        Field(PASSWORD, secret=True, description="The password or token of the user."),
        Field(USERNAME, identifies=True, description="The user."),
        Field("provider", default=PLAIN, choices=tuple(PROVIDERS), description="Who makes the login."),
        Field(SERVER, identifies=True, description="The registry, for example C(registry.example.com:5000)."),
        *aws_login.LOGIN_FIELDS,
        *entra_login.PRINCIPAL_FIELDS,
        google_key.KEY,
        CA_CERT,
    )

    def primary_of(self, fields: Fields) -> str:
        """Return the field of the key that the provider takes."""
        provider = _read_provider(fields)
        return entra_login.find_primary(find_values(fields)) if provider == ACR else PROVIDERS[provider].primary

    def choose_field(self, fields: Fields) -> str:
        """Return `password`."""
        return PASSWORD

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if a cloud makes the password."""
        return _read_provider(fields) != PLAIN

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or a field is missing, does not fit, or is of another provider.
            MissingLibrary: a package of the provider is not installed.
        """
        complete = super().validate(fields)
        texts, provider = read_texts(complete), _read_provider(complete)
        others = sorted(set(texts) - {"provider", *PROVIDERS[provider].fields})
        if others:
            what = "is not used with 'provider: {0}'".format(provider)
            self.refuse(others[0], what, "Used: {0}.".format(", ".join(PROVIDERS[provider].fields)))
        _CHECKS[provider](self, texts)
        if SERVER in texts and not (_HOST if provider == PLAIN else _BARE_HOST).match(texts[SERVER]):
            self.refuse(SERVER, "is not the name of a registry", "Write it as in the name of an image: 'registry.example.com:5000'.")
        if CA_CERT.name in texts:
            check_ca_cert(self, texts[CA_CERT.name])
        check_packages(PROVIDERS[provider].packages)
        return complete

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return a time in the past if a cloud makes the password; else None."""
        return DUE_AT_ONCE if self.can_refresh(fields) else None

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the `auth` of a Docker configuration (user and password in base64), or the whole configuration.

        Raises:
            NoToken: there is no such value, or no password yet.
        """
        if field not in (USERNAME, PASSWORD, AUTH, DOCKER_CONFIG):
            return super().read(fields, state, field)
        if self.can_refresh(fields) and not state:
            raise NoToken("there is no password yet", remedy="Leave out 'ttl' and 'expires_at': the cloud sets the end of a password.")
        if field in (USERNAME, PASSWORD):
            return super().read(fields, state, field)
        login = {name: super(ContainerRegistry, self).read(fields, state, name).expose().decode() for name in (USERNAME, PASSWORD)}
        auth = base64.b64encode("{username}:{password}".format(**login).encode()).decode("ascii")
        if field == AUTH:
            return Secret(auth)
        server = super().read(fields, state, SERVER).expose().decode()
        return Secret(json.dumps({"auths": {server: dict(login, auth=auth)}}))

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Get a password from the cloud.

        Raises:
            RefreshUnsupported: the password is one of a user.
            CredentialError: the cloud gives none, or did not respond.
        """
        if not self.can_refresh(fields):
            raise refresh_unsupported_error(self, fields)
        from ansible_collections.nebula.credential.plugins.module_utils.types import registry_passwords

        texts = read_texts(fields)
        made = registry_passwords.MAKERS[_read_provider(fields)](self, texts)
        state = {USERNAME: Secret(made.username), PASSWORD: Secret(made.password)}
        if made.server and SERVER not in texts:
            state[SERVER] = Secret(made.server)
        return RefreshAnswer(state, made.ends_at)


def _read_provider(fields: Fields) -> str:
    found = find_values(fields).get("provider")
    provider = PLAIN if found is None else found.expose().decode("utf-8", "replace")
    return provider if provider in PROVIDERS else PLAIN


def _check_plain(kind: CredentialType, texts: Mapping[str, str]) -> None:
    _require(kind, texts, SERVER, USERNAME, PASSWORD)
    if ":" in texts[USERNAME]:
        kind.refuse(USERNAME, "has a colon", "A colon ends the user's name in 'auth'.")


def _check_ecr(kind: CredentialType, texts: Mapping[str, str]) -> None:
    aws_login.check_login(kind, texts)
    _require(kind, texts, "region")


def _check_acr(kind: CredentialType, texts: Mapping[str, str]) -> None:
    _require(kind, texts, SERVER)
    entra_login.check_principal(kind, texts)


def _check_gar(kind: CredentialType, texts: Mapping[str, str]) -> None:
    _require(kind, texts, SERVER, google_key.KEY.name)
    google_key.check_key(kind, texts[google_key.KEY.name])


_CHECKS: Mapping[str, Callable[[CredentialType, Mapping[str, str]], Any]] = {
    PLAIN: _check_plain,
    ECR: _check_ecr,
    ACR: _check_acr,
    GAR: _check_gar,
}


def _require(kind: CredentialType, texts: Mapping[str, str], *names: str) -> None:
    """Refuse a credential without one of these fields.

    Raises:
        InvalidInput: one is missing.
    """
    for name in names:
        if name not in texts:
            kind.refuse(name, "is missing", "Give it under 'fields'.")
