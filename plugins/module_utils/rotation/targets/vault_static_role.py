# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A static role of the database engine of HashiCorp Vault or OpenBao as a target: the server changes the password in the database.

The server keeps the password and shows it, so a value whose response was lost is read. A password that the server has changed by
itself, by the period of the role, is taken over in the same way.
"""

from __future__ import annotations

import hmac
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    NO_ROLLBACK,
    OVERLAP_NONE,
    SERVICE,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_text
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.vault_requests import (
    MAX_REQUEST_LIFE,
    VaultRequests,
    build_options,
    quote_path,
)

TRAITS = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=NO_ROLLBACK,
    probe="the server says that the role has the new password",
    max_request_life=MAX_REQUEST_LIFE,
    ask_limit=10,
    maker=SERVICE,
    readable=True,
)
_USERNAME = "username"


class VaultStaticRole(Target):
    """The password of a static role."""

    kind = "vault_static_role"
    summary = "V(vault_static_role) has HashiCorp Vault or OpenBao change the password of a static role of its database engine."
    about = (
        "The static role, and the server that changes its password in the database. The controller sends the requests.",
        "A password that the server has changed meanwhile is taken over, and none is made. There is no grace period.",
    )
    options = {
        **build_options("vault_static_role"),
        "role": Option("str", ("The name of the static role.",), required=True),
        "mount": Option("str", ("Where the database engine is mounted.",), default="database"),
    }
    requires = (controller_requests.REQUESTS,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._server = VaultRequests(self.kind, options)

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        self._server.check()

    def describe(self) -> Dict[str, Any]:
        return {name: self._options.get(name) for name in ("url", "namespace", "mount", "role") if self._options.get(name)}

    def precheck(self, modules: Modules) -> None:
        """Check that there is such a role, and that the administrator may read and change its password.

        Raises:
            NotFound: there is no such static role.
            AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        self._server.check_rights(modules, {self._path("static-creds"): ("read",), self._path("rotate-role"): ("update",)})
        if self._read(modules) is None:
            what = "there is no static role '{0}' in '{1}'".format(self._options["role"], self._options["mount"])
            raise NotFound(what, option="vault_static_role.role", remedy="Nothing was changed.")

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.REFUSED

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        """Have the server change the password, unless it has another one than `base` already. Return the one that it has then."""
        found = self._try_to_read(modules, base)
        if found is None:
            return Made(steps.UNAVAILABLE)
        if not _is_same(found, base):
            return Made(steps.APPLIED, found)
        outcome = self._change(modules)
        if outcome in (steps.UNAVAILABLE, steps.REFUSED):
            return Made(outcome)
        found = self._try_to_read(modules, base)
        changed = found is not None and not _is_same(found, base)
        return Made(steps.APPLIED, found) if changed else Made(steps.UNKNOWN)

    def _change(self, modules: Modules) -> str:
        try:
            response = self._server.send_as_admin(modules, "POST", self._path("rotate-role"))
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)
        return controller_requests.read_status(modules, response, (200, 204))

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        found = self._try_to_read(modules, value)
        if found is None:
            return steps.UNAVAILABLE
        return steps.ACCEPTED if _is_same(found, value) else steps.REFUSED

    def _try_to_read(self, modules: Modules, base: Value) -> Optional[Value]:
        """Return the value that the server shows, with the other fields of `base`. None if it shows none."""
        try:
            found = self._read(modules)
        except CredentialError as error:
            modules.note(error.what)
            return None
        if found is None:
            modules.note("the server does not show the password of the role")
            return None
        fields = {**base.fields, base.primary: found["password"]}
        if _USERNAME in base.fields and base.primary != _USERNAME:
            fields[_USERNAME] = found[_USERNAME]
        return Value(fields, primary=base.primary)

    def _read(self, modules: Modules) -> Optional[Dict[str, Secret]]:
        response = self._server.send_as_admin(modules, "GET", self._path("static-creds")).check_available()
        texts = {name: find_text(response.json, "data." + name) for name in ("password", _USERNAME)}
        return {name: Secret(text or "") for name, text in texts.items()} if response.status == 200 and texts["password"] else None

    def _path(self, kind: str) -> str:
        return "/".join((quote_path(self._options["mount"]), kind, quote_path(self._options["role"])))


def _is_same(found: Value, value: Value) -> bool:
    """Whether both have the same password, and the same user name if they have one."""
    names = [value.primary, *({_USERNAME} & set(value.fields))]
    return all(hmac.compare_digest(found.fields[name].expose(), value.fields[name].expose()) for name in names)
