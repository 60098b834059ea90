# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for any path of Vault or OpenBao by the login of a store: the module `vault_request` and the lookup `vault`."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.vault_request import UNWRAP, WRAP
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    PathRequests,
    check_takes_writes,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import DELETE, LIST, READ, WRITE, PathRequest
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.path_shorthands import SHORTHANDS, Shorthand
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

PARTS = ("data", "auth", "wrap_info", "lease_id", "lease_duration", "renewable")
"""What a result has of a response. Parts that the response does not have are None."""
_SECRET_PARTS = ("data", "auth", "wrap_info", "lease_id")
WRAP_FOR = 300
"""Seconds for which `wrap` keeps what it wraps if the task does not say."""
_TAKES: Mapping[str, Tuple[str, ...]] = {
    READ: ("path", "query", "wrap_ttl", "cache"),
    LIST: ("path", "query", "wrap_ttl", "cache"),
    WRITE: ("path", "query", "wrap_ttl", "data", "compare"),
    DELETE: ("path", "query", "compare"),
    WRAP: ("data", "wrap_ttl"),
    UNWRAP: ("token",),
}
"""What each request uses. The other options are refused."""
_NEEDS: Mapping[str, str] = {READ: "path", LIST: "path", WRITE: "path", DELETE: "path", WRAP: "data", UNWRAP: "token"}


def vault_request(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, check_mode: bool) -> Outcome:
    """Make one request.

    Args:
        manager: the manager of the store whose login is used.
        parameters: those of the module, as `argument_specs.vault_request` validates them.
        check_mode: send nothing that changes something, makes a secret or uses one up.

    Returns:
        `{changed, path, sent, sensitive, …}` with `PARTS` of the response; after `transit` also `text`: what was decrypted, None if it is
        no text. The secrets are every text of a sensitive response.

    Raises:
        InvalidInput: the store's service has no paths, or the options do not fit each other.
        NotFound: there is nothing at the path.
        ReadOnly: the store is read only, and the request writes; in check mode, too.
    """
    step = _choose(parameters)
    differs = not parameters.get("compare") or _differs(manager, step.request)
    sends = differs and (not check_mode or step.harmless)
    if differs and not sends and manager.backend.settings.get("read_only"):
        check_takes_writes(manager.backend)
    body = _send(manager, step.request) if sends else {}
    sensitive = _is_sensitive(parameters, step.sensitive) and any(body.get(part) for part in _SECRET_PARTS)
    result: Dict[str, Any] = {"changed": differs and step.changes, "path": step.request.path, "sent": sends, "sensitive": sensitive}
    if step.request.writing and parameters.get("path") is not None:
        result["names"] = None  # It may be a credential of another store: the session forgets what it has read.
    result.update((part, body.get(part)) for part in PARTS)
    if parameters.get("transit"):
        result["text"] = _decode_text(body)
    return Outcome(result, _list_secrets(result, sensitive))


def vault(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, _check_mode: bool) -> Outcome:
    """Read or list one path.

    Args:
        manager: the manager of the store whose login is used.
        parameters: `path`, `request` (read or list), `query`, `cache`, and `field`, of which only that part is returned.

    Returns:
        `{value}`: the part `data` of the response; the names of a list; or the field.

    Raises:
        InvalidInput: the store's service has no paths.
        NotFound: there is nothing at the path, or no such field.
    """
    step = _choose(parameters)
    data = _send(manager, step.request).get("data")
    value = data.get("keys") if step.request.kind == LIST and isinstance(data, Mapping) else data
    field = parameters.get("field")
    if field is not None:
        if not isinstance(value, Mapping) or field not in value:
            raise NotFound("the response has no field {0}".format(ascii(field)), remedy="Leave 'field' out to see which it has.")
        value = value[field]
    return Outcome({"value": value}, _list_secrets({"data": value}, step.request.kind != LIST))


def _send(manager: CredentialManager, request: PathRequest) -> Mapping[str, Any]:
    return require_protocol(manager.backend, PathRequests).request_path(request)


def _choose(parameters: Mapping[str, Any]) -> Shorthand:
    """Return the request that the options describe."""
    wrap_ttl = _read_seconds(parameters, "wrap_ttl")
    for name, build in SHORTHANDS.items():
        if parameters.get(name) is not None:
            _refuse_unused(parameters, ("wrap_ttl",), name)
            step = build(parameters[name])
            return Shorthand(_wrap_response(step.request, wrap_ttl), step.sensitive, step.changes, step.harmless and wrap_ttl is None)
    kind = str(parameters.get("request") or READ)
    _refuse_unused(parameters, _TAKES[kind], kind)
    if parameters.get(_NEEDS[kind]) is None:
        raise InvalidInput("'request: {0}' needs it".format(kind), option=_NEEDS[kind], remedy="Give it.")
    return _STEPS[kind](parameters, wrap_ttl)


def _refuse_unused(parameters: Mapping[str, Any], used: Tuple[str, ...], what: str) -> None:
    for option in {name for names in _TAKES.values() for name in names} - set(used):
        if parameters.get(option) not in (None, False):
            raise InvalidInput("'{0}' does not use it".format(what), option=option, remedy="Leave it out.")


def _fetch(parameters: Mapping[str, Any], wrap_ttl: Optional[int]) -> Shorthand:
    kind = str(parameters.get("request") or READ)
    keep_for = _read_seconds(parameters, "cache") or 0
    request = PathRequest(kind, str(parameters["path"]), query=_texts(parameters), keep_for=keep_for)
    # In check mode nothing is wrapped: that leaves a token at the server.
    return Shorthand(_wrap_response(request, wrap_ttl), kind != LIST, False, harmless=wrap_ttl is None)


def _write(parameters: Mapping[str, Any], wrap_ttl: Optional[int]) -> Shorthand:
    body = dict(parameters.get("data") or {})
    return Shorthand(PathRequest(WRITE, str(parameters["path"]), body, _texts(parameters), wrap_ttl, writing=True), True, True)


def _delete(parameters: Mapping[str, Any], _wrap_ttl: Optional[int]) -> Shorthand:
    return Shorthand(PathRequest(DELETE, str(parameters["path"]), query=_texts(parameters), writing=True), False, True)


def _wrap(parameters: Mapping[str, Any], wrap_ttl: Optional[int]) -> Shorthand:
    request = PathRequest(WRITE, "sys/wrapping/wrap", dict(parameters["data"]), wrap_ttl=wrap_ttl or WRAP_FOR, writing=True)
    return Shorthand(request, True, True)


def _unwrap(parameters: Mapping[str, Any], _wrap_ttl: Optional[int]) -> Shorthand:
    """Use up a wrapping token. The request is not repeated: a second one would find it used."""
    return Shorthand(PathRequest(WRITE, "sys/wrapping/unwrap", {"token": str(parameters["token"])}, writing=True), True, True)


_STEPS = {READ: _fetch, LIST: _fetch, WRITE: _write, DELETE: _delete, WRAP: _wrap, UNWRAP: _unwrap}


def _wrap_response(request: PathRequest, wrap_ttl: Optional[int]) -> PathRequest:
    if wrap_ttl is None:
        return request
    return PathRequest(request.kind, request.path, request.body, request.query, wrap_ttl, writing=True)


def _texts(parameters: Mapping[str, Any]) -> Dict[str, str]:
    return {str(name): str(value) for name, value in (parameters.get("query") or {}).items()}


def _read_seconds(parameters: Mapping[str, Any], option: str) -> Optional[int]:
    """Return a time such as `90`, `5m` or `1h` in seconds; None if it is not given.

    Raises:
        InvalidInput: it is no such time.
    """
    given = parameters.get(option)
    return None if given is None else int(duration(given, option).total_seconds())


def _differs(manager: CredentialManager, request: PathRequest) -> bool:
    """Return True unless the path holds already what would be written, or nothing that would be deleted."""
    try:
        there = _send(manager, PathRequest(READ, request.path, query=request.query)).get("data") or {}
    except NotFound:
        return request.kind != DELETE
    return request.kind == DELETE or any(there.get(name) != value for name, value in (request.body or {}).items())


def _decode_text(body: Mapping[str, Any]) -> Optional[str]:
    plain = (body.get("data") or {}).get("plaintext")
    try:
        return None if plain is None else base64.b64decode(plain, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None


def _is_sensitive(parameters: Mapping[str, Any], otherwise: bool) -> bool:
    """Return True if a response holds a secret: as the task says, else `otherwise`. A wrapping token always is one."""
    said = parameters.get("sensitive")
    return (otherwise if said is None else bool(said)) or parameters.get("wrap_ttl") is not None


def _list_secrets(result: Mapping[str, Any], sensitive: bool) -> Tuple[Secret, ...]:
    """Return each text of a response that holds a secret, once."""
    if not sensitive:
        return ()
    found = dict.fromkeys(text for part in (*_SECRET_PARTS, "text") for text in _leaves(result.get(part)))
    return tuple(Secret(text) for text in found)


def _leaves(value: Any) -> Iterator[str]:
    waiting: List[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, str) and each:
            yield each
