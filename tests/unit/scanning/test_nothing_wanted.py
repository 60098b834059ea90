# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scan that has no value to search for says so: it would look like a clean tree."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


def test_a_scan_for_look_alikes_alone_warns(tmp_path):
    warnings = []
    manager = open_store({"backend": "local", "path": str(tmp_path / "store")}, name="main", warn=warnings.append)
    manager.ensure(DesiredCredential("app/db", value=Secret("canary-value")))
    for prefix, warned in (("app/", False), ("ap/", True)):
        warnings.clear()
        result = perform(manager, "scan", {"paths": [str(tmp_path)], "prefix": prefix, "look_alikes": True}, NOBODY).result
        assert bool(result["values"]) != warned
        assert [one.startswith("store 'main': there is no value to search for: 0 credentials") for one in warnings] == [True] * warned
    manager.close()
