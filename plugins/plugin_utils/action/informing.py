# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inform the consumers of the targets of what was rotated, in this run or in an earlier one, and keep which are left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import STATUS
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.consumers import (
    Consumer,
    Informer,
    describe_problem,
    is_left_to_a_good_end,
    is_of_files,
    read_consumers,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_report import FAILED, INFORMED, WAITS
from ansible_collections.nebula.credential.plugins.plugin_utils.config.rotation_targets import DescribedTargets

Consumers = Mapping[str, tuple[Consumer, ...]]
"""By the name of the target."""


def read_all_consumers(described: DescribedTargets) -> Consumers:
    """Return the consumers of every target that has some. A target that is described wrongly has none: a rotation says what is wrong.

    Raises:
        InvalidConfiguration: a consumer is described wrongly.
    """
    found = {}
    for name in described.list_names():
        try:
            target = described.find(name)
        except CredentialError:
            continue
        found[name] = read_consumers(name, target.consumers)
    return {name: consumers for name, consumers in found.items() if consumers}


def describe_consumers(consumers: Consumers) -> dict[str, Any]:
    """Return the parameters of the listing that say which consumers there are, and which targets have one of recorded files."""
    named = {target: [each.name for each in several] for target, several in consumers.items()}
    return {"consumers": named, "of_files": [target for target, several in consumers.items() if any(map(is_of_files, several))]}


def inform_consumers(
    consumers: Consumers,
    uninformed: Sequence[Mapping[str, Any]],
    informer: Informer,
    keep: Callable[[Mapping[str, Any], list[str]], object],
    has_failed: bool,
) -> list[dict[str, Any]]:
    """Inform each consumer once of all its credentials, and return a row for each.

    Args:
        consumers: the consumers.
        uninformed: the credentials of which one does not know, as the listing returns them.
        informer: informs them.
        keep: keeps the names of the consumers of a credential that are left.
        has_failed: something else failed, so that the task will.
    """
    rows: list[dict[str, Any]] = []
    left = {row["name"]: list(row["left"]) for row in uninformed}
    waiting = [(target, consumer) for target, several in consumers.items() for consumer in several]
    for target, consumer in sorted(waiting, key=lambda each: is_left_to_a_good_end(each[1])):
        names = [row["name"] for row in uninformed if row["target"] == target and consumer.name in row["left"]]
        if not names:
            continue
        row = {"target": target, "consumer": consumer.name, "kind": consumer.kind, "credentials": names, "result": INFORMED}
        if is_left_to_a_good_end(consumer) and (has_failed or any(each["result"] == FAILED for each in rows)):
            row.update(result=WAITS, message="Ansible runs no handler after a failure; the next run notifies it")
        else:
            row.update(_inform(informer, consumer, target, names))
        if row["result"] == INFORMED:
            for name in names:
                left[name].remove(consumer.name)
        rows.append(row)
    for each in uninformed:
        if left[each["name"]] != list(each["left"]):
            rows += _keep(keep, each, left[each["name"]])
    return rows


def find_holders(rows: list[dict[str, Any]], ask: Callable[[Mapping[str, Any]], Outcome]) -> None:
    """Look again which hosts hold the previous value, after the consumers were informed, and leave the rows for which some do.

    Args:
        rows: those of the report that name such hosts. One of which the state cannot be read stays as it is.
        ask: performs `credential_rotate`.
    """
    for row in list(rows):
        with suppress(CredentialError):
            row["holders"] = list(ask({"name": row["name"], "phase": STATUS}).result["rotation"].get("holders") or ())
        if not row["holders"]:
            rows.remove(row)


def build_failed_informing(target: str, names: Sequence[str], error: Exception) -> dict[str, Any]:
    """Return the row for what could not be read or kept of consumers. The next run informs them."""
    row = {"target": target, "consumer": "(any)", "kind": None, "credentials": list(names), "result": FAILED}
    return {**row, **describe_problem(as_credential_error(error))}


def _keep(keep: Callable[[Mapping[str, Any], list[str]], object], uninformed: Mapping[str, Any], left: list[str]) -> list[dict[str, Any]]:
    try:
        keep(uninformed, left)
    except Exception as error:  # noqa: BLE001  # what was rotated is reported all the same
        return [build_failed_informing(uninformed["target"], [uninformed["name"]], error)]
    return []


def _inform(informer: Informer, consumer: Consumer, target: str, names: Sequence[str]) -> dict[str, Any]:
    try:
        informer.inform(consumer, target, names)
    except Exception as error:  # noqa: BLE001  # one that fails stops no other
        return {"result": FAILED, **describe_problem(as_credential_error(error))}
    return {}
