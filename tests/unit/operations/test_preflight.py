# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation `preflight`: what a run could not use, and why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


def test_each_credential_that_a_run_could_not_use_has_its_state(tmp_path: Path) -> None:
    manager = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"})
    manager.create(DesiredCredential("good", value=Secret("x")))
    manager.create(DesiredCredential("lasting", value=Secret("x"), ttl=timedelta(hours=3)))
    manager.create(DesiredCredential("ending", value=Secret("x"), ttl=timedelta(hours=1)))
    manager.create(DesiredCredential("revoked", value=Secret("x")))
    manager.ensurer().ensure_revoked("revoked", False, None)
    manager.create(DesiredCredential("scoped", value=Secret("x"), scope=Scope(workflow="deploy")), AccessContext(workflow="deploy"))
    before = CredentialManager(manager.backend, clock=lambda: manager.clock() - timedelta(hours=2))
    before.create(DesiredCredential("expired", value=Secret("x"), ttl=timedelta(hours=1)))
    (tmp_path / "store" / "spoilt.enc").write_bytes(b"nothing")
    names = ["good", "lasting", "ending", "revoked", "scoped", "expired", "spoilt", "nothing", "good"]
    result = perform(manager, "preflight", {"names": names, "for": "2h"}, AccessContext()).result
    assert {row["name"]: row["state"] for row in result["problems"]} == {
        "ending": "ending",
        "revoked": "unusable",
        "scoped": "denied",
        "expired": "expired",
        "spoilt": "unreadable",
        "nothing": "missing",
    }
    assert result["checked"] == 8
    assert perform(manager, "preflight", {"names": ["ending"]}, AccessContext()).result["problems"] == []
    (alone,) = perform(manager, "preflight", {"names": ["spoilt"]}, AccessContext()).result["problems"]
    assert alone["state"] == "unreadable"
    assert perform(manager, "preflight", {"names": []}, AccessContext()).result["checked"] == 0
    manager.close()
