# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing: the module `credential`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import (
    ABSENT,
    INHERITED,
    PRESENT,
    RESTORED,
    REVOKED,
    keeps_existing,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    Authenticating,
    check_rules,
    check_takes_writes,
    find_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.assignment import check_assignment
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy, lifetime, moment
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED, describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.given_values import read_fields, read_value
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import (
    TEXT,
    asserting,
    check_scope,
    describe_failure,
    encode_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.operations.state_options import check_inherited, check_state, is_used
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_tags
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import EnsureResult
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import refuse_unusable

DELETING = ("recoverable", "permanent")
"""Two options with one meaning: an element of `credentials` that has one of them inherits neither."""

_COMMON = ("state", *INHERITED, "return_value")
"""The options that the elements of `credentials` inherit if they do not set them, and if their state uses them."""

Done = Tuple[Dict[str, Any], Tuple[Secret, ...]]


def credential(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Bring one credential, or each of a list, into the wanted state.

    Args:
        manager: the manager of the store.
        parameters: `name`, `state` (present, absent, revoked, restored) and the attributes of `DesiredCredential`, under the module's
            names; or `credentials`, a list of such mappings, which inherit the options in `_COMMON`. `return_value` adds the primary
            field's value.
        context: the caller. A credential's own `scope` supplies what the caller does not assert.
        check_mode: write nothing, and return the same.

    Returns:
        For one: `{changed, name, state, generated, credential, location, diff}`, where `credential` is as `Credential.describe` returns
        it, None if absent; after a delete also `recoverable` and `recoverable_until`.
        For a list: `{changed, results, failed, diff}`, each result like the one above, but without `diff`, or
        `{name, failed, code, msg}`; a failure of one does not hide the others. If one failed, `results` has only the failed and the
        changed ones, and `unchanged` is the number of the others.
    """
    several = parameters.get("credentials")
    if several is None:
        result, secrets = _one(manager, parameters, context, check_mode)
        return Outcome(result, secrets)
    common = {name: parameters[name] for name in _COMMON if parameters.get(name) is not None}
    items = [_inherit(common, {name: value for name, value in item.items() if value is not None}) for item in several]
    check_inherited(common, map(_read_state, items))
    _refuse_twice(_read_name(item) for item in items)
    with ExitStack() as stack:
        for caller, names in _group_by_caller(items, context):
            stack.enter_context(manager.reading_together(names, caller))
        done = each(
            items, _read_name, lambda item: _one(manager, item, context, check_mode), manager.parallelism, partial(_report_break, manager)
        )
    return _summary(manager, done)


def _group_by_caller(items: Iterable[Mapping[str, Any]], context: AccessContext) -> List[Tuple[AccessContext, List[str]]]:
    """Return the names that each caller may read together. The scope of an element is part of its caller; a wrong one is its own error."""
    groups: List[Tuple[AccessContext, List[str]]] = []
    for item in items:
        try:
            caller = _caller(context, item.get("scope"))
        except InvalidInput:
            continue
        names = next((names for known, names in groups if known == caller), None)
        if names is None:
            names = []
            groups.append((caller, names))
        names.append(_read_name(item))
    return groups


def _report_break(manager: CredentialManager, done: List[Result[Done]]) -> None:
    """Warn which credentials a task has changed that was broken off: it has no result to show them."""
    changed = [result.name for result in done if result.answer is not None and result.answer[0]["changed"]]
    if changed:
        what = "store '{0}': the task was broken off. It had changed {1} credentials, each as a whole: {2}. Run it again for the others."
        manager.backend.context.warn(what.format(manager.store, len(changed), ", ".join(changed)))


def _inherit(common: Mapping[str, Any], item: Mapping[str, Any]) -> Dict[str, Any]:
    state = item.get("state") or _read_state(common)
    decides = any(option in item for option in DELETING)
    inherited = {name: value for name, value in common.items() if is_used(name, state) and not (decides and name in DELETING)}
    return dict(inherited, **item)


def _read_state(item: Mapping[str, Any]) -> str:
    return item.get("state") or PRESENT


def _refuse_twice(names: Iterable[str]) -> None:
    """Refuse a list that has a name twice: each run would write what the first element wants, and then what the second one wants."""
    counts = Counter(names)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        what = "the same name is there more than once: {0}".format(", ".join(map(ascii, twice[:NAMED])))
        remedy = "Write one element for each credential; for two steps, write two tasks."
        raise InvalidInput(what, option="credentials", remedy=remedy)


def _one(manager: CredentialManager, item: Mapping[str, Any], context: AccessContext, check: bool) -> Done:
    state = _read_state(item)
    check_state(state, item)
    wanted = read_desired(item, is_authenticated=find_protocol(manager.backend, Authenticating) is not None)
    with manager.acting(_caller(context, item.get("scope"))):
        done = _ensure(manager, state, wanted, item, check)
        if check and done.changed:
            check_takes_writes(manager.backend, wanted.name)
            if done.credential is not None and state in (PRESENT, RESTORED):
                check_rules(manager.backend, done.credential.record)
    described = None if done.credential is None else done.credential.describe()
    result = {"changed": done.changed, "name": wanted.name, "state": state, "generated": done.generated, "credential": described}
    result["location"] = manager.locate(wanted.name)
    if done.recoverable is not None:
        # No backend that can bring a value back ends that by itself.
        result.update(recoverable=done.recoverable, recoverable_until=None)
    result["diff"] = {"before": dict(done.before), "after": dict(done.after)}
    return _with_value(result, wanted, done, item)


def _ensure(manager: CredentialManager, state: str, wanted: DesiredCredential, item: Mapping[str, Any], check: bool) -> EnsureResult:
    ensurer, expected = manager.ensurer(), item.get("expected_version")
    if state == PRESENT:
        return ensurer.ensure_present(wanted, check, expected)
    if state == ABSENT:
        return _ensure_absent(manager, wanted.name, item, check)
    if state == REVOKED:
        return ensurer.ensure_revoked(wanted.name, check, expected)
    return ensurer.ensure_restored(wanted.name, item.get("version"), check, expected)


def _ensure_absent(manager: CredentialManager, name: str, item: Mapping[str, Any], check: bool) -> EnsureResult:
    ensurer, expected, force = manager.ensurer(), item.get("expected_version"), bool(item.get("force"))
    recoverable = False if item.get("permanent") else item.get("recoverable")
    if item.get("revoke_tokens"):
        # Imported here: most deletes send nothing to a service.
        from ansible_collections.nebula.credential.plugins.module_utils.store.revocation import revoke_at_service

        expected = revoke_at_service(manager, name, expected, check) or expected
    if item.get("version") is not None:
        return ensurer.ensure_version_absent(name, item["version"], check, expected, force, recoverable)
    return ensurer.ensure_absent(name, check, expected, force, recoverable)


def _with_value(result: Dict[str, Any], wanted: DesiredCredential, done: EnsureResult, item: Mapping[str, Any]) -> Done:
    secrets = [value for value in (wanted.value, *(wanted.fields or {}).values()) if value is not None]
    if done.credential is None:
        return result, tuple(secrets)
    secrets = [value for name, value in (wanted.fields or {}).items() if value is not None and done.credential.is_hidden(name)]
    secrets += [wanted.value] if wanted.value is not None else []
    if item.get("return_value"):
        refuse_unusable(done.credential)
        token = done.credential.token()
        result["value"] = encode_value(token, item.get("encoding") or TEXT, "value")
        secrets.append(token)
    return result, tuple(secrets)


def _summary(manager: CredentialManager, results: List[Result[Done]]) -> Outcome:
    rows: List[Dict[str, Any]] = []
    diffs: List[Any] = []
    secrets: List[Secret] = []
    for result in results:
        if result.answer is not None:
            row = dict(result.answer[0])
            diff = row.pop("diff")
            diffs += [diff] if row["changed"] else []
            rows.append(row)
            secrets += result.answer[1]
        else:
            failure = describe_failure(result.error, manager.store)
            rows.append({"name": result.name, "failed": True, "changed": False, "code": failure["code"], "msg": failure["message"]})
    failed = [row for row in rows if row.get("failed")]
    whole: Dict[str, Any] = {"changed": any(row["changed"] for row in rows), "results": rows, "failed": bool(failed)}
    if failed:
        # Ansible prints the whole result of a failed task, in one line.
        whole["results"] = [row for row in rows if row["changed"] or row.get("failed")]
        whole.update(unchanged=len(rows) - len(whole["results"]), msg=describe_failures(failed, len(rows)), code=failed[0]["code"])
    return Outcome(dict(whole, diff=diffs), tuple(secrets))


def read_desired(item: Mapping[str, Any], *, is_authenticated: bool = False) -> DesiredCredential:
    """Build the wanted state from the parameters of one credential.

    `is_authenticated` says whether a key of the collection authenticates the metadata of the store.

    Raises:
        InvalidInput: a value cannot be read; the error names the option.
    """
    policy = item.get("policy")
    return DesiredCredential(
        name=_read_name(item),
        type=item.get("type"),
        value=read_value(item),
        fields=read_fields(item),
        generate=item.get("generate"),
        declared=item.get("declared_fields"),
        description=item.get("description"),
        tags=read_tags(item.get("tags")),
        metadata=item.get("metadata"),
        scope=read_scope(item.get("scope")),
        policy=None if policy is None else RotationPolicy.read_wanted(policy).write(),
        rotation=None if item.get("rotation") is None else check_assignment(item["rotation"], is_authenticated=is_authenticated),
        expires_at=None if item.get("expires_at") is None else moment(item["expires_at"], "expires_at"),
        ttl=None if item.get("ttl") is None else lifetime(item["ttl"], "ttl"),
        idempotency_key=item.get("idempotency_key"),
        keep=keeps_existing(item),
        check=bool(item.get("check")),
    )


def _read_name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or "")


def _caller(context: AccessContext, scope: Optional[Mapping[str, Any]]) -> AccessContext:
    # The known attributes of the caller win, so that a caller within the old scope can change it.
    unknown = {name: value for name, value in check_scope(scope).items() if not getattr(context, name)}
    return asserting(context, unknown)


def read_scope(scope: Optional[Mapping[str, Any]]) -> Optional[Scope]:
    """Return the scope that a credential is to have; None for none.

    Raises:
        InvalidInput: it is no mapping, or has another dimension or a wrong tag.
    """
    if scope is None:
        return None
    scope = check_scope(scope)
    return replace(Scope(), workflow=scope.get("workflow"), user=scope.get("user"), tags=scope.get("tags") or {})
