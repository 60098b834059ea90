# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret ids of an AppRole of HashiCorp Vault or OpenBao as a target. The server makes them; a role accepts any number at once.

A secret id is known by its accessor, and carries the id of the rotation in its metadata.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MULTI,
    NATIVE,
    SERVICE,
    Held,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_part, find_text, read_time
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.vault_requests import (
    MAX_REQUEST_LIFE,
    VaultRequests,
    build_options,
    quote_path,
)

MARK = "nebula_rotation"
"""The key in the metadata of a secret id that holds the id of its rotation."""
MOST = 1000
"""More secret ids of one role are not looked through."""
TRAITS = TargetTraits(
    overlap=MULTI,
    rollback=NATIVE,
    probe="a login with the new secret id is accepted, and one with a random wrong one is not",
    max_request_life=MAX_REQUEST_LIFE,
    ask_limit=2,  # few probes: a server locks a role after five refused logins
    maker=SERVICE,
    slots=MOST,
    marks=True,
)
_ROLE_ID_FIELDS = ("role_id", "username")


class VaultAppRole(Target):
    """The secret id of an AppRole."""

    kind = "vault_approle"
    summary = "V(vault_approle) has HashiCorp Vault or OpenBao make a secret id of an AppRole, and drops the old one."
    about = (
        "The role whose secret id changes, and the server. The controller sends the requests.",
        "The credential's primary field is the secret id. Old and new are accepted until the old one is dropped after the grace period.",
    )
    options = {
        **build_options("vault_approle"),
        "role": Option("str", ("The name of the role.",), required=True),
        "mount": Option("str", ("Where the method AppRole is mounted.",), default="approle"),
        "role_id": Option("str", ("The id of the role. Defaults to the credential's field C(role_id), else C(username).",)),
        "metadata": Option(
            "dict", ("Further metadata of the secret ids that are made: texts. It is written into the server's audit log.",)
        ),
        "cidr_list": Option("list", ("The networks from which the secret ids that are made can be used.",), elements="str"),
    }
    requires = (controller_requests.REQUESTS,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current
        self._server = VaultRequests(self.kind, options)

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        self._server.check()
        if self._role_id(self._current) is None:
            raise self._server.build_error("role_id", "it is missing", "Give it, or store it in the credential's field 'username'.")
        if MARK in (self._options.get("metadata") or {}):
            raise self._server.build_error("metadata", "'{0}' is the rotation's own".format(MARK), "Leave it out.")

    def describe(self) -> Dict[str, Any]:
        return {name: self._options.get(name) for name in ("url", "namespace", "mount", "role") if self._options.get(name)}

    def precheck(self, modules: Modules) -> None:
        """Check that the role exists, that its secret ids can be tried, and that the administrator may make and drop them.

        Raises:
            NotFound: there is no such role.
            InvalidInput: its secret ids can be used a few times only: trying them would use them up.
            AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        made, accessor = self._path + "/secret-id", self._path + "/secret-id-accessor/"
        rights = {self._path: ("read",), made: ("list", "update")}
        self._server.check_rights(modules, {**rights, accessor + "lookup": ("update",), accessor + "destroy": ("update",)})
        response = self._server.send_as_admin(modules, "GET", self._path).check_available()
        if response.status == 404:
            raise NotFound(
                "there is no role '{0}'".format(self._options["role"]), option="vault_approle.role", remedy="Nothing was changed."
            )
        uses = find_part(response.json, "data.secret_id_num_uses")
        if uses:
            what = "a secret id of the role can be used {0} times, and each probe is a use".format(uses)
            raise InvalidInput(what, option="vault_approle.role", remedy="Nothing was changed. Set the role's 'secret_id_num_uses' to 0.")

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.REFUSED

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        metadata = {**(self._options.get("metadata") or {}), MARK: mark}
        body: Dict[str, Any] = {"metadata": json.dumps({str(name): str(text) for name, text in metadata.items()})}
        if self._options.get("cidr_list"):
            body["cidr_list"] = self._options["cidr_list"]
        try:
            response = self._server.send_as_admin(modules, "POST", self._path + "/secret-id", body)
        except CredentialError as error:
            return Made(controller_requests.read_failed_change(modules, error))
        outcome = controller_requests.read_status(modules, response, (200,))
        secret, accessor = find_text(response.json, "data.secret_id"), find_text(response.json, "data.secret_id_accessor")
        if outcome != steps.APPLIED:
            return Made(outcome)
        if secret is None or accessor is None:
            modules.note("the response holds no secret id")
            return Made(steps.UNKNOWN)
        return Made(steps.APPLIED, Value({base.primary: Secret(secret)}, {steps.ID: accessor}, base.primary))

    def list_held(self, modules: Modules) -> Optional[Dict[str, Held]]:
        """Return the secret ids that rotations had made, by their accessors. Those of others are of no interest: they have no mark."""
        try:
            accessors = self._list_accessors(modules)
            found = {accessor: self._read_held(modules, accessor) for accessor in accessors[:MOST]}
        except CredentialError as error:
            modules.note(error.what)
            return None
        if len(accessors) > MOST:
            modules.note("the role has more than {0} secret ids".format(MOST))
            return None
        return {accessor: held for accessor, held in found.items() if held is not None and held.mark}

    def _list_accessors(self, modules: Modules) -> Tuple[str, ...]:
        response = self._server.send_as_admin(modules, "GET", self._path + "/secret-id?list=true").check_available()
        if response.status == 404:
            return ()
        keys = find_part(response.json, "data.keys")
        if response.status != 200 or not isinstance(keys, list):
            what = "the server responded to the list of secret ids with status {0}".format(response.status)
            raise Unavailable(what, option="vault_approle.role")
        return tuple(map(str, keys))

    def _read_held(self, modules: Modules, accessor: str) -> Optional[Held]:
        """Return the mark and the time of a secret id; None if it is gone by now."""
        path = self._path + "/secret-id-accessor/lookup"
        response = self._server.send_as_admin(modules, "POST", path, {"secret_id_accessor": accessor})
        created = find_text(response.json, "data.creation_time")
        if response.status != 200 or created is None:
            if accessor not in self._list_accessors(modules):
                return None
            raise Unavailable("the server responded to the lookup of a secret id with status {0}".format(response.status))
        return Held(find_text(response.json, "data.metadata." + MARK) or "", read_time(created))

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        role_id, secret = self._role_id(value), value.fields[value.primary].expose().decode("utf-8", "replace")
        try:
            response = self._server.send(modules, "POST", self._mount + "/login", {"role_id": role_id, "secret_id": secret})
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        token = find_text(response.json, "auth.client_token")
        if response.status == 200 and token is not None:
            self._revoke(modules, Secret(token))
            return steps.ACCEPTED
        modules.note("the server responded to the login with status {0}".format(response.status))
        return steps.REFUSED if response.status == 400 else steps.UNAVAILABLE

    def _revoke(self, modules: Modules, token: Secret) -> None:
        """Revoke the token of a probe. If it fails, the token ends by itself."""
        try:
            self._server.send(modules, "POST", "auth/token/revoke-self", token=token)
        except CredentialError:
            return

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        accessor = value.identity.get(steps.ID)
        try:
            if accessor is None:
                # A secret id that no rotation made: only its value is known. The server says done also if it is gone.
                body = {"secret_id": value.fields[value.primary].expose().decode("utf-8", "replace")}
                response = self._server.send_as_admin(modules, "POST", self._path + "/secret-id/destroy", body)
            else:
                path = self._path + "/secret-id-accessor/destroy"
                response = self._server.send_as_admin(modules, "POST", path, {"secret_id_accessor": accessor})
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)
        outcome = controller_requests.read_status(modules, response, (200, 204))
        return outcome if outcome == steps.APPLIED or not self._is_gone(modules, accessor) else steps.APPLIED

    def _is_gone(self, modules: Modules, accessor: Optional[str]) -> bool:
        """Whether the list lacks the accessor: for one that is absent, servers respond with a status of their own, by version."""
        try:
            return accessor is not None and accessor not in self._list_accessors(modules)
        except CredentialError:
            return False

    @property
    def _mount(self) -> str:
        return "auth/" + quote_path(self._options["mount"])

    @property
    def _path(self) -> str:
        return "{0}/role/{1}".format(self._mount, quote_path(self._options["role"]))

    def _role_id(self, value: Value) -> Optional[str]:
        found = next((value.fields[name] for name in _ROLE_ID_FIELDS if name in value.fields), None)
        stored = None if found is None else found.expose().decode("utf-8")
        return self._options.get("role_id") or stored
