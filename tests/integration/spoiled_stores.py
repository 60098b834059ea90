# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store with one credential that is spoiled behind its back, and one that is not."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

DEEP = "[" * 5000 + "]" * 5000
"""JSON that no parser of ours takes."""


def list_reasons(manager: Any, **wanted: Any) -> Dict[str, Any]:
    """Return `unreadable` of each listed credential."""
    rows = perform(manager, "find", wanted, NOBODY).result["credentials"]
    return {row["name"]: row["unreadable"] for row in rows}


def check_others_are_listed_and_read(config: Dict[str, Any], spoil: Callable[[], object]) -> None:
    """Write `bad` and `good`, spoil `bad`, and check that it is a row with a reason and a warning, and that `good` is as it was."""
    warnings: List[str] = []
    manager = open_store(dict(config, audit="off"), name="prod", warn=warnings.append)
    for name in ("bad", "good"):
        manager.ensure(DesiredCredential(name, value=Secret("s3cret-" + name)))
    spoil()
    reasons = list_reasons(manager, type="opaque")
    assert reasons["good"] is None
    assert reasons["bad"]["code"] in {"damaged", "storage"}
    assert any("1 of the listed credentials cannot be read: bad" in warning for warning in warnings)
    assert manager.get("good").token().expose() == b"s3cret-good"
    manager.close()
