# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the caller is: what counts of a host's variables."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.lookup.get import digest
from ansible_collections.nebula.credential.plugins.plugin_utils.client.access_context import access_context

USER = {"awx_user_name": "root", "inventory_hostname": "web1"}


def test_a_host_does_not_choose_the_user_of_the_run_by_its_facts(monkeypatch):
    for name in ("AWX_USER_NAME", "TOWER_USER_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert access_context(tenant=None, scope=None, variables=USER).user == "root"
    assert access_context(tenant=None, scope=None, variables={**USER, "ansible_facts": {"awx_user_name": "root"}}).user is None


@pytest.mark.parametrize("name", ["nebula_credential_scope", "nebula_credential_store", "ansible_hashi_vault_url", "awx_user_name"])
def test_no_request_with_a_fact_is_answered_as_that_of_another_host(name):
    """The session knows a request by its digest; another host may have the same variable for good reasons."""
    variables = {name: "x", "ansible_facts": {"hostname": "web1"}}
    assert digest("get", {}, variables, str) is not None
    assert digest("get", {}, {**variables, "ansible_facts": {name.removeprefix("ansible_"): "y"}}, str) is None
