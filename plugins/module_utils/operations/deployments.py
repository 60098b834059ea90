# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of hosts hold a credential: recorded by `deploy`, read by `credential_info` and by the consumer `deployed`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Collection, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Authenticating, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.deployments import DeployedFile, Place, read_deployed
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.deployments import WrittenFile, find_deployed
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager


def record_deployment(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Record beside each credential which files of a host it was written to. What fails is a warning.

    Args:
        manager: the manager of the store.
        parameters: `files`, a list of `{host, dest, versions, how, why, controller, before}`: `versions` are those of the credentials in
            the file by their names, none if it was removed; `how`, `why` and `controller` are those of `DeployedFile`; `before` are the
            names of the credentials that were in it, None if that is not known. And `scope`.
        context: the caller.
        check_mode: record nothing.

    Returns:
        `{changed, waits}`. `waits` is True if the session records it later, and has to be told when the run is over.
    """
    if check_mode:
        return Outcome({"changed": False, "waits": False})
    files = [_read_written(file) for file in parameters["files"]]
    # It may be recorded after this operation, so the caller has to have the store's tenant by itself.
    caller = replace(asserting(context, parameters.get("scope")), tenant=manager.tenant)
    return Outcome({"changed": False, "waits": manager.deployments().note(files, caller)})


def _read_written(file: Mapping[str, Any]) -> WrittenFile:
    how, why = file.get("how") or {}, file.get("why") or ""
    contents = {name: DeployedFile(version, how, why, file["controller"]) for name, version in file["versions"].items()}
    before = file.get("before")
    return WrittenFile(Place(file["host"], file["dest"]), contents, None if before is None else set(before))


def list_deployments(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """List the recorded files of credentials, with what is needed to write them anew.

    Args:
        manager: the manager of the store.
        parameters: `names` and `scope`.
        context: the caller.

    Returns:
        `{changed, credentials: [{name, version, files: [{host, dest, version, how, why, controller}]}]}`; `version` beside `name` is
        that of the current value.

    Raises:
        InvalidConfiguration: no key authenticates the store.
    """
    if find_protocol(manager.backend, Authenticating) is None:
        raise files_error(manager.store)
    manager.write_deployments()
    caller = asserting(context, parameters.get("scope"))
    rows = []
    for name in parameters["names"]:
        current = manager.inspect(name, context=caller)
        files = [{**place._asdict(), **vars(file)} for place, file in read_files(manager, name, caller).items()]
        rows.append({"name": name, "version": str(current.version), "files": files})
    return Outcome({"changed": False, "credentials": rows})


def files_error(store: str, option: Optional[str] = None) -> InvalidConfiguration:
    """Return the error for a store of which no key authenticates what it has recorded of files on hosts."""
    what = "no key authenticates what store '{0}' records of files on hosts, so whoever may change it could choose programs and files"
    remedy = "Write 'encrypt: true' for the store; or use a consumer of the kind 'template', whose files nebula.yml names."
    return InvalidConfiguration(what.format(store), option=option, remedy=remedy)


def read_files(manager: CredentialManager, name: str, caller: AccessContext) -> Dict[Place, DeployedFile]:
    """Return the files that hold a credential, which the caller has read.

    Raises:
        Damaged: the record cannot be read.
    """
    with manager.acting(caller):
        found = find_deployed(manager.backend, name)
    return {} if found is None else read_deployed(found)


def forget_hosts(manager: CredentialManager, name: str, hosts: Collection[str], caller: AccessContext) -> None:
    """Have hosts that are gone leave the record of the files of a credential. What fails is a warning."""
    gone = [WrittenFile(place, {}, {name}) for place in read_files(manager, name, caller) if place.host in hosts]
    manager.deployments().note(gone, replace(caller, tenant=manager.tenant))
    manager.write_deployments()


def describe_files(manager: CredentialManager, name: str, caller: AccessContext) -> Dict[str, List[Dict[str, Any]]]:
    """Return, by version, the files that hold a credential: `host`, `dest`, and `rewritable`, whether a rotation can write it anew."""
    by_version: Dict[str, List[Dict[str, Any]]] = {}
    for place, file in sorted(read_files(manager, name, caller).items()):
        by_version.setdefault(file.version, []).append({**place._asdict(), "rewritable": bool(file.how)})
    return by_version
