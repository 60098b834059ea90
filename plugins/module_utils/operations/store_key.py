# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key of a store: the module `store_key`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_key import PRESENT, ROTATED
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import StoreKey
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import moment
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

_OF_A_ROTATION = ("compromised", "drop_sources", "keep_until")


def store_key(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Describe the key of a store and its sources, give new sources their slots, or rotate the key.

    Args:
        manager: the manager of the store.
        parameters: `state` (present or rotated); for a rotation `compromised`, `drop_sources`, `keep_until` (ISO 8601).
        context: the caller.
        check_mode: change nothing, and return what would be done.

    Returns:
        `{changed, state, key, diff}`, with `added` and `removed` (names of sources) for present, and `rotation`
        (`{resumed, envelopes, marks, dropped}`) for rotated. In check mode `key` is the key as it would be; an id that is not
        known yet is None.

    Raises:
        InvalidInput: this collection does not encrypt the store, or an option does not fit.
        MissingKey, WrongPassphrase, KeySourceUnavailable: a source does not open the store; the message names it.
    """
    caller = asserting(context, parameters.get("scope"))
    if parameters.get("state") == ROTATED:
        return _rotate(manager, parameters, caller, check_mode)
    for option in _OF_A_ROTATION:
        if parameters.get(option):
            raise InvalidInput("it applies to a rotation only", option=option, remedy="Write 'state: rotated', or leave it out.")
    found = manager.ensure_key(caller, check=check_mode)
    result = _result(PRESENT, found.before, found.after)
    changed = found.before.key_id is None or bool(found.added or found.removed)
    return Outcome(dict(result, changed=changed, added=list(found.added), removed=list(found.removed)))


def _rotate(manager: CredentialManager, parameters: Mapping[str, Any], caller: AccessContext, check: bool) -> Outcome:
    done = manager.rotate_key(
        caller,
        compromised=bool(parameters.get("compromised")),
        drop_sources=parameters.get("drop_sources") or (),
        keep_until=_keep_until(manager, parameters),
        check=check,
    )
    rotation = {"resumed": done.resumed, "envelopes": done.envelopes, "marks": done.marks, "dropped": list(done.dropped)}
    return Outcome(dict(_result(ROTATED, done.before, done.after), changed=True, rotation=rotation))


def _keep_until(manager: CredentialManager, parameters: Mapping[str, Any]) -> Optional[datetime]:
    """Return until when the former key is kept. A time that has passed would keep nothing: that is what `compromised` is for.

    Raises:
        InvalidInput: it is not a time, has passed, or contradicts `compromised`.
    """
    if parameters.get("keep_until") is None:
        return None
    until: datetime = moment(parameters["keep_until"], "keep_until")
    if parameters.get("compromised"):
        raise InvalidInput("a compromised key is not kept", option="keep_until", remedy="Leave out 'keep_until' or 'compromised'.")
    if until <= manager.clock():
        raise InvalidInput(
            "that time has passed",
            option="keep_until",
            remedy="Name a later time, or write 'compromised: true' to keep nothing of the former key.",
        )
    return until


def _result(state: str, before: StoreKey, after: StoreKey) -> Dict[str, Any]:
    return {"state": state, "key": _describe(after), "diff": {"before": _describe(before), "after": _describe(after)}}


def _describe(key: StoreKey) -> Dict[str, Any]:
    return {
        "store_id": key.store_id,
        "key_id": key.key_id,
        "created_at": format_time(key.created_at),
        "sources": [dict(slot._asdict(), name=slot.name) for slot in key.slots],
        "former": [{"key_id": former.key_id, "keep_until": format_time(former.keep_until)} for former in key.former],
        "rotating": key.rotating,
        "default_key_file": key.default_key_file,
    }
