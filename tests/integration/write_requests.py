# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that the module `credential` makes in each of its states, as a store's server counts them."""

from __future__ import annotations

from typing import Any, Dict, List

from tests.unit.store.managing import ask

STEPS = {
    "new": {"value": "one"},
    "unchanged": {"value": "one"},
    "first update": {"value": "two"},
    "update": {"value": "three"},
    "tags": {"tags": {"a": "b"}},
    "value and tags": {"value": "four", "tags": {"a": "c"}},
    "revoked": {"state": "revoked"},
    "absent, with three older values": {"state": "absent"},
    "absent again": {"state": "absent"},
    "new again": {"value": "one"},
    "absent, of a name that was deleted before": {"state": "absent"},
    "another": {"value": "one", "name": "another"},
    "absent": {"state": "absent", "name": "another"},
}


def requests_of_each_step(store: Any) -> Dict[str, List[str]]:
    """Take every step in a store that is open, and answer the requests of each."""
    manager = store.manager()
    always = {"permanent": True} if manager.backend.capabilities.soft_delete else {}
    ask(manager, "credential", name="opened", state="present", value="the store")
    made = {}
    for step, wanted in STEPS.items():
        task = {"name": "db", "state": "present", **wanted}
        task.update(always if task["state"] == "absent" else {})
        made[step] = store.asked(lambda task=task: ask(manager, "credential", **task))
    return made


def check_counts(store: Any, *counts: int) -> None:
    """Fail if a step makes another number of requests."""
    made = requests_of_each_step(store)
    assert {step: len(requests) for step, requests in made.items()} == dict(zip(STEPS, counts)), made
