# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target of a rotation, as the options of `credential_rotate` and the credential's own fields describe it."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import MANUAL, TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

POSTGRESQL = postgresql.KIND


class RotationTarget:
    """Where the new value goes: `none`, a PostgreSQL server, or (with no target) whatever a person does by hand."""

    def __init__(self, read: Callable[[str], Fields], current: Record, parameters: Mapping[str, Any]) -> None:
        """Take how to read a usable credential (the admin's), the current record, and the module's options."""
        self._read = read
        self._current = current
        self._kind = parameters.get("target")
        self._options: Mapping[str, Any] = parameters.get("postgresql") or {}

    @property
    def kind(self) -> str:
        """The kind of the target."""
        return self._kind or MANUAL

    @property
    def manual(self) -> bool:
        """Whether a person drives the phases."""
        return self._kind is None

    @property
    def driven(self) -> bool:
        """Whether a driver reaches the target."""
        return self._kind == POSTGRESQL

    @property
    def traits(self) -> TargetTraits:
        """How the target behaves."""
        if self.driven and self._usernames:
            return postgresql.ALTERNATING_USERS
        return TRAITS[self.kind]

    def described(self) -> Dict[str, Any]:
        """For the journal and the report: where the target is, and no secret."""
        if not self.driven:
            return {}
        place = {option: self._option(option) for option in ("host", "port", "database")}
        role = {"usernames": list(self._usernames)} if self._usernames else {"role": self._role(self._current.fields)}
        return {name: value for name, value in dict(place, **role).items() if value is not None}

    def next_username(self, base: Record) -> Optional[str]:
        """The user whose turn it is; None where there is but one."""
        if not self._usernames:
            return None
        return postgresql.other_username(self._usernames, _text(base.fields, "username") or "")

    def instructions(self, step: Step) -> Tuple[Dict[str, Any], Tuple[Secret, ...]]:
        """What a driver is told: the step, the role and its password, and the way to the server; and the secrets in it.

        Raises:
            InvalidInput: the admin's login is missing.
        """
        told, secrets = self.looking()
        primary = type_named(self._current.type, self._current.known.attributes).primary_of(step.fields)
        value = step.fields[primary]
        told.update(kind=step.kind, ticket=step.ticket, stage=step.stage, limit=step.limit)
        told.update(role=self._role(step.fields), password=value.expose().decode("utf-8"))
        return told, (value, *secrets)

    def looking(self) -> Tuple[Dict[str, Any], Tuple[Secret, ...]]:
        """The way to the server and the roles that it has to have; and the secret in it.

        Raises:
            InvalidInput: the admin's login is missing.
        """
        user, password, secret = self._admin()
        roles = list(self._usernames) or [self._role(self._current.fields)]
        return {"roles": roles, "connection": dict(self._connection(), admin_user=user, admin_password=password)}, (secret,)

    def _connection(self) -> Dict[str, Any]:
        names = ("host", "port", "database", "unix_socket", "ssl_mode", "ca_cert", "connect_params")
        return {name: self._option(name) for name in names if self._option(name) is not None}

    def _option(self, name: str) -> Any:
        """An option, or what the credential itself says (type `database` has these fields)."""
        if self._options.get(name) is not None:
            return self._options[name]
        own = _text(self._current.fields, name) if name in ("host", "port", "database", "ssl_mode") else None
        return int(own) if own and name == "port" else own

    def _admin(self) -> Tuple[str, str, Secret]:
        user, password = self._options.get("admin_user"), self._options.get("admin_password")
        if self._options.get("admin_credential"):
            fields = self._read(self._options["admin_credential"])
            user = user or _text(fields, "username")
            password = _text(fields, "password")
        if not user or not password:
            raise InvalidInput(
                "there is no login that may change the role's password",
                option="postgresql.admin_user",
                remedy="Give admin_user and admin_password, or admin_credential: a credential with username and password.",
            )
        return user, password, Secret(password)

    @property
    def _usernames(self) -> Tuple[str, ...]:
        return tuple(self._options.get("usernames") or ())

    def _role(self, fields: Fields) -> str:
        role = self._options.get("role") or _text(fields, "username")
        if not role:
            raise InvalidInput(
                "the credential has no username, so the role is not known",
                option="postgresql.role",
                remedy="Name the role, or store the credential with a username.",
            )
        return str(role)


def _text(fields: Fields, name: str) -> Optional[str]:
    return fields[name].expose().decode("utf-8") if name in fields else None
