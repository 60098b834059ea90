# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading values: the lookups `get` and `get_many`."""

from __future__ import annotations

import base64
from dataclasses import replace
from itertools import islice
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import misses_accepted, require_fetch_allowed
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Expired,
    InvalidInput,
    InvalidToken,
    NotFound,
    NoToken,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_tags
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

TEXT = "text"
BASE64 = "base64"

MOST_NAMES = 100
"""How many credentials a read by prefix or tags returns at most, unless the caller allows more."""

DIMENSIONS = ("workflow", "user", "tags")
"""The dimensions of a scope that a play may assert."""

Value = Union[str, Dict[str, str]]


def get(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Read one credential.

    Args:
        manager: the manager of the store.
        parameters: `name`; `field` (default: the primary one; `a.b.c` is a part of the JSON in a field) or `fields` (True for all, or
            a list of names; then the value is a mapping); `version`; `stage` (default: current); `encoding` (text or base64); `hash`,
            `hash_rounds` and `salt_for` (`hashing.hash_value`); `scope`, asserted by the play;
            `accepts_missing`: an earlier read that found nothing may answer this one (`ttl_missing`); `fallback`: names that are read
            in this order if the credential is missing or has expired.
        context: the caller.

    Returns:
        `{name, type, version, stage, value}`; `name` is the credential that was read. `stale` is added, and True, if the value is a
        copy that answers while the backend does not respond.

    Raises:
        NotFound, Expired: so is the credential, and so is each fallback.
        NoToken: the field has no value.
        InvalidInput: no field is named, and the credential has several of which none is primary.
        InvalidToken: the value is not text, and `encoding` is text.
    """
    with misses_accepted(bool(parameters.get("accepts_missing"))):
        credential = _read_first(manager, (parameters["name"], *(parameters.get("fallback") or ())), parameters, context)
    value, secrets = _value(manager.store, credential, parameters)
    known = {"name": credential.name, "type": credential.record.type, "version": credential.version, "stage": credential.record.stage}
    stale = {} if credential.record.copied_at is None else {"stale": True}
    return Outcome(dict(known, value=value, **stale), secrets)


def get_many(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Read several credentials.

    Args:
        manager: the manager of the store.
        parameters: `names`, and those of `get`. Or, instead of names, `prefix` and `tags` as `find` has them, and `max_names`, the
            greatest number that they may match.
        context: the caller.

    Returns:
        `{values: {name: value}, versions: {name: version}, failures: {name: {code, message}}}`. Each name is among the values or the
        failures. `stale` is added with the names whose values are copies that answer while the backend does not respond.

    Raises:
        InvalidInput: more credentials match than `max_names`; no value was read.
    """
    is_chosen = parameters.get("prefix") is not None or parameters.get("tags") is not None
    names = _choose_names(manager, parameters, context) if is_chosen else parameters["names"]

    def value_of(read: Result[Credential]) -> Tuple[Value, Tuple[Secret, ...]]:
        if read.answer is None:
            raise read.error or CredentialError("there is no result")
        return _value(manager.store, read.answer, parameters)

    values: Dict[str, Value] = {}
    failures: Dict[str, Any] = {}
    secrets: List[Secret] = []
    with misses_accepted(bool(parameters.get("accepts_missing"))):
        reads = _read_each(manager, names, parameters, context)
    if is_chosen:
        # Deleted since it was listed: it is no match any more.
        reads = [read for read in reads if not isinstance(read.error, NotFound)]
    for result in each(reads, lambda read: read.name, value_of):
        if result.answer is None:
            failures[result.name] = describe_failure(result.error, manager.store)
        else:
            values[result.name] = result.answer[0]
            secrets += result.answer[1]
    read_here = {read.name: read.answer for read in reads if read.answer is not None and read.name in values}
    versions = {name: found.version for name, found in read_here.items()}
    copies = [name for name, found in read_here.items() if found.record.copied_at is not None]
    stale = {"stale": copies} if copies else {}
    return Outcome({"values": values, "versions": versions, "failures": failures, **stale}, tuple(secrets))


def describe_failure(error: Optional[CredentialError], store: str) -> Dict[str, str]:
    """Return an error as JSON-like data: its code for programs, its message for people."""
    found = error or CredentialError("there is no result")
    return {"code": found.code, "message": str(found.within(store=store))}


def asserting(context: AccessContext, scope: Optional[Mapping[str, Any]]) -> AccessContext:
    """Return the caller, with the assertions in `scope` over the known attributes."""
    asserted = check_scope(scope)
    return replace(context, **asserted) if asserted else context


def check_scope(scope: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return the dimensions that a play asserts, without those that are not set.

    Raises:
        InvalidInput: it is no mapping, or has another dimension or a wrong tag.
    """
    if scope is None:
        return {}
    check_mapping(scope, "scope")
    asserted = {str(name): value for name, value in scope.items() if value is not None}
    unknown = sorted(set(asserted) - set(DIMENSIONS))
    if unknown:
        remedy = "Use {0}.".format(", ".join(DIMENSIONS))
        raise InvalidInput("unknown: {0}".format(", ".join(map(ascii, unknown))), option="scope", remedy=remedy)
    if "tags" in asserted:
        check_mapping(asserted["tags"], "scope.tags")
        asserted["tags"] = read_tags(asserted["tags"], "scope.tags")  # as they are stored: 1 is "1"
    return asserted


def check_mapping(value: Any, option: str) -> None:
    """Raise InvalidInput if the value of an option is no mapping. The value is not shown."""
    if not isinstance(value, Mapping):
        what = "it is a {0}, not a mapping".format(type(value).__name__)
        raise InvalidInput(what, option=option, remedy="Write names and values: '{name: value}'.")


def encode_value(value: Secret, encoding: str, field: str) -> str:
    """Return a value as text.

    Raises:
        InvalidToken: the value is not UTF-8, and `encoding` is text.
        InvalidInput: there is no such encoding.
    """
    if encoding == BASE64:
        return base64.b64encode(value.expose()).decode("ascii")
    if encoding != TEXT:
        raise InvalidInput("there is no encoding {0}".format(ascii(encoding)), option="encoding", remedy="Use text or base64.")
    try:
        return value.expose().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidToken("field '{0}' is not text".format(field), remedy="Use 'encoding: base64'.") from None


def _read(manager: CredentialManager, name: str, parameters: Mapping[str, Any], context: AccessContext) -> Credential:
    caller = asserting(context, parameters.get("scope"))
    return manager.get(name, parameters.get("version"), parameters.get("stage") or CURRENT, caller)


def _read_first(manager: CredentialManager, names: Sequence[str], parameters: Mapping[str, Any], context: AccessContext) -> Credential:
    """Return the first credential that is there and has not expired. Warn if it is not the first one."""
    failed: Dict[str, CredentialError] = {}
    for name in names:
        try:
            found = _read(manager, name, parameters, context)
        except (NotFound, Expired) as error:
            failed[name] = error
            continue
        if failed:
            why = "has expired" if isinstance(failed[names[0]], Expired) else "is missing"
            what = "store '{0}': credential '{1}' {2}, so the value is that of its fallback '{3}'"
            manager.backend.context.warn(what.format(manager.store, names[0], why, name))
        return found
    first = failed[names[0]]
    if len(names) > 1:
        first.remedy = "{0} None of its fallbacks has a value: {1}.".format(first.remedy, ", ".join(names[1:])).strip()
    raise first


def _choose_names(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext) -> List[str]:
    """Return the names that match `prefix` and `tags`, in order. One that cannot be read matches by its name: its error says why."""
    # Imported here: most reads name what they read.
    from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_wanted_tags

    require_fetch_allowed()
    wanted = Filter(parameters.get("prefix") or "", tags=tuple(read_wanted_tags(parameters.get("tags")).items()))
    rows = manager.list(wanted, asserting(context, parameters.get("scope")))
    most = parameters.get("max_names") or MOST_NAMES
    names = list(islice((row.name for row in rows if wanted.matches(row.record)), most + 1))
    if len(names) > most:
        remedy = "Narrow 'prefix' or 'tags', or allow more with 'max_names'."
        raise InvalidInput("more than {0} credentials match, so none was read".format(most), option="max_names", remedy=remedy)
    return sorted(names)


def _read_each(
    manager: CredentialManager, wanted: Iterable[str], parameters: Mapping[str, Any], context: AccessContext
) -> List[Result[Credential]]:
    names = dict.fromkeys(wanted)
    if parameters.get("version") or (parameters.get("stage") or CURRENT) != CURRENT:
        return each(names, str, lambda name: _read(manager, name, parameters, context), manager.parallelism)
    return manager.batch_get(names, asserting(context, parameters.get("scope")))


def _value(store: str, credential: Credential, parameters: Mapping[str, Any]) -> Tuple[Value, Tuple[Secret, ...]]:
    encoding = parameters.get("encoding") or TEXT
    asked = parameters.get("fields")
    if asked:
        return _mapping(credential, credential.list_fields() if asked is True else asked, encoding)
    field = parameters.get("field") or credential.choose_field()
    if parameters.get("hash"):
        # Imported here: few read a hash.
        from ansible_collections.nebula.credential.plugins.module_utils.operations.hashing import hash_value

        hashed = hash_value(store, credential, field, _read_field(credential, field)[0], parameters)
        return encode_value(hashed, encoding, field), (hashed,)
    found, secrets = _mapping(credential, [field], encoding)
    return found[field], secrets


def _mapping(credential: Credential, fields: Iterable[str], encoding: str) -> Tuple[Dict[str, str], Tuple[Secret, ...]]:
    read = {field: _read_field(credential, field) for field in fields}
    secrets = tuple(value for value, is_hidden in read.values() if is_hidden)
    return {field: encode_value(value, encoding, field) for field, (value, _is_hidden) in read.items()}, secrets


def _read_field(credential: Credential, field: str) -> Tuple[Secret, bool]:
    """Return the value of a field, or of a part of one that holds JSON (`a.b.c`), and whether it is masked. A field comes before a path.

    Raises:
        NoToken: there is no such value.
    """
    try:
        return credential.read(field), credential.is_hidden(field)
    except NoToken:
        if "." not in field or field in credential.fields:
            raise
    # Imported here: few read a part.
    from ansible_collections.nebula.credential.plugins.module_utils.store.json_parts import read_part, split_field

    name, parts = split_field(field, credential.read)
    return read_part(credential.read(name), name, parts), credential.is_hidden(name)
