# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing the copies in other stores up to date, after a write and by the module `sync`. Imported if a store has `mirror`.

Each store that gets copies is an operation of its own. One that is down hinders neither the others nor the write before it; the next
write of the credential, or `sync`, repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import STATUS
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, as_credential_error, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import OPTION, Mirror, read_mirrors
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import list_changed_names
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

Perform = Callable[[StoreReference, str, Mapping[str, Any]], Outcome]
"""Performs an operation on a store, with these parameters."""
Row = dict[str, Any]


def mirror_changes(perform: Perform, store: StoreReference, parameters: Mapping[str, Any], outcome: Outcome, check_mode: bool) -> Outcome:
    """Bring the copies of what an operation has named up to date, also if it has changed nothing: an earlier run may have failed at them.

    Args:
        perform: performs an operation.
        store: the store of the operation, with its mirrors.
        parameters: those of the operation.
        outcome: its outcome. A rotation that goes on is waited for.
        check_mode: nothing is written.

    Returns:
        The outcome with the rows of the copies as `mirrors`. A failure is a row and a warning, and no failure of the operation.
    """
    result = outcome.result
    if result.get(STEP, {}).get("kind", steps.DONE) != steps.DONE or parameters.get("phase") == STATUS:
        return outcome
    names = _list_names(parameters, result)
    rows: list[Row] = []
    for mirror in read_mirrors(store.config.get(OPTION)):
        selected = [name for name in names if mirror.selects(name)]
        if selected and check_mode and result.get("changed"):
            rows += [_build_row(name, mirror.to, action="update") for name in selected]  # what is not written yet cannot be compared
        elif selected:
            rows += sync_store(perform, store, mirror, {"names": selected, "scope": parameters.get("scope")}).get("results", [])
    for row in rows:
        if row["failed"]:
            what = "the copy of '{0}' in store '{1}' was not written, and the next run tries it again: {2}"
            Display().warning(what.format(row["name"], row["store"], row["msg"]))
    changed = bool(result.get("changed")) or any(row["action"] in _WRITES for row in rows)
    return Outcome({**result, "changed": changed, "mirrors": rows}, outcome.secrets)


_WRITES = ("create", "update", "remove")


def sync_store(perform: Perform, store: StoreReference, mirror: Mirror, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the copies in one store up to date, and return the result of the operation `sync`; of one that fails a row for each name."""
    among = replace(store, beside={"to": store.mirrors[mirror.to]}, mirrors={})
    try:
        return perform(among, SYNC, {**parameters, "mirror": mirror.write()}).result
    except Exception as problem:  # noqa: BLE001  # each store has its own rows
        error = as_credential_error(problem).within(store=mirror.to)
        names = parameters.get("names") or ["(all)"]
        failed = [_build_row(name, mirror.to, failed=True, code=error.code, msg=str(error)) for name in names]
        return {"changed": False, "total": len(failed), "counts": {"failed": len(failed)}, "results": failed, "names": []}


def choose_mirrors(store: StoreReference, wanted: Sequence[str] | None) -> list[Mirror]:
    """Return the mirrors of a store; of these only the wanted ones, if some are named.

    Raises:
        InvalidInput: the store has none, or not one of this name.
    """
    known = {mirror.to: mirror for mirror in read_mirrors(store.config.get(OPTION))}
    if not known:
        remedy = "Write 'mirror: [NAME]' in its configuration."
        raise InvalidInput("its configuration names no store that gets copies", option=OPTION, store=store.name, remedy=remedy)
    for name in wanted or ():
        if name not in known:
            remedy = "{0}It names: {1}.".format(suggest(name, known), ", ".join(known))
            raise InvalidInput("'mirror' of this store does not name {0}".format(ascii(name)), option="to", store=store.name, remedy=remedy)
    return [mirror for name, mirror in known.items() if wanted is None or name in wanted]


def check_selected(store: StoreReference, mirrors: Sequence[Mirror], names: Iterable[str]) -> None:
    """Check that each credential that a task names is selected by a mirror: the configuration alone says what is copied, and where.

    Raises:
        InvalidInput: one is selected by none.
    """
    for name in names:
        if not any(mirror.selects(name) for mirror in mirrors):
            what = "'mirror' of this store does not select {0} for {1}".format(ascii(name), " or ".join(repr(each.to) for each in mirrors))
            remedy = "Check the name, or select it there with 'names' or 'prefix'."
            raise InvalidInput(what, option="names", store=store.name, remedy=remedy)


def _list_names(parameters: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    items = [item["name"] for item in parameters.get("credentials") or () if isinstance(item.get("name"), str)]
    return list(dict.fromkeys([*(list_changed_names(parameters, result) or ()), *items]))


def _build_row(name: str, store: str, action: str | None = None, **more: Any) -> Row:
    return {"name": name, "to": None, "store": store, "action": action, "drift": False, "failed": False, **more}
