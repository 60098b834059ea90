# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what is sent to a host: the modules `deploy` and `run`."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager


def read_sources(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Read fields of several credentials, the current values of all in one request if the backend has one.

    Args:
        manager: the manager of the store.
        parameters: `sources`, a list of `{name, version, fields, first_of}`: `version` is an older one; `fields` are those to read, True
            for all; `first_of` lists fields of which the first that has a value is read; without both, the primary one is. And `scope`.
        context: the caller.

    Returns:
        `{sources: [{name, type, version, fields, digest}]}` in the order of the parameters. `fields` are base64; `digest` is the SHA-256 of
        all that is stored, by which equal values are recognised whose files differ each time they are made (hex; as secret as the value).

    Raises:
        NotFound, Revoked, Expired, Unusable, AccessDenied: one of them cannot be read. The error names it.
        NoToken: a field has no value.
    """
    caller = asserting(context, parameters.get("scope"))
    sources: Sequence[Mapping[str, Any]] = parameters["sources"]
    current = dict.fromkeys(source["name"] for source in sources if not source.get("version"))
    found = {read.name: read for read in manager.batch_get(current, caller)} if current else {}
    described: List[Dict[str, Any]] = []
    secrets: List[Secret] = []
    for source in sources:
        version = source.get("version")
        credential = manager.get(source["name"], version, CURRENT, caller) if version else _take(found[source["name"]])
        fields, hidden = _read_fields(credential, source)
        described.append(_describe(credential, fields))
        secrets += hidden
    return Outcome({"sources": described}, tuple(secrets))


def _take(read: Result[Credential]) -> Credential:
    if read.answer is None:
        raise read.error or CredentialError("there is no result", name=read.name)
    return read.answer


def _read_fields(credential: Credential, source: Mapping[str, Any]) -> Tuple[Dict[str, Secret], List[Secret]]:
    wanted = source.get("fields")
    try:
        if source.get("first_of"):
            values = _read_first(credential, source["first_of"])
        else:
            names = credential.list_fields() if wanted is True else wanted or [credential.choose_field()]
            values = {field: credential.read(field) for field in names}
    except (NoToken, InvalidInput) as error:
        raise error.within(name=credential.name) from None
    return values, [value for field, value in values.items() if credential.is_hidden(field)]


def _read_first(credential: Credential, fields: Sequence[str]) -> Dict[str, Secret]:
    for field in fields:
        try:
            return {field: credential.read(field)}
        except (NoToken, InvalidInput):
            continue
    remedy = "Name the field that is written as it is, and leave 'format' out."
    raise NoToken("it has none of the fields {0}".format(", ".join(fields)), remedy=remedy)


def _describe(credential: Credential, fields: Mapping[str, Secret]) -> Dict[str, Any]:
    digest = hashlib.sha256()
    for field, value in sorted({**credential.fields, **credential.record.state}.items()):
        for part in (field.encode("utf-8"), value.expose()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return {
        "name": credential.name,
        "type": credential.record.type,
        "version": credential.version,
        "fields": {field: base64.b64encode(value.expose()).decode("ascii") for field, value in fields.items()},
        "digest": digest.hexdigest(),
    }
