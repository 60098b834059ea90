# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of KV version 2 that the server deletes by itself (`delete_version_after`)."""

from __future__ import annotations

import pytest

from tests.integration.vault_store import VaultStore
from tests.servers import once
from tests.unit.store.managing import ask


def end_after(store, place, seconds):
    """Make the server delete what is written from now on, that long after it was written."""
    if place == "mount":
        store.server.enable("kv", store.mount, options={"version": "2"})
        store.server.call("POST", store.mount + "/config", {"delete_version_after": "{0}s".format(seconds)})
    else:
        store.server.call("POST", store.path("db", "metadata"), {"delete_version_after": "{0}s".format(seconds)})


@pytest.mark.parametrize("place", ["mount", "secret"])
def test_the_time_at_which_the_server_deletes_a_value_is_its_expiry(place):
    store = VaultStore(once.openbao(), mount="ends" + place)
    if place == "secret":
        store.server.enable("kv", store.mount, options={"version": "2"})
    end_after(store, place, 3600)
    warnings = []
    manager = store.manager(warnings.append)
    done = ask(manager, "credential", name="db", state="present", value="one").result
    ends_at = store.server.call("GET", store.path("db", "metadata"))["data"]["versions"]["1"]["deletion_time"]
    assert done["credential"]["expires_at"][:19] == ends_at[:19]
    assert any("deletes version 1 of 'db'" in warning and "delete_version_after" in warning for warning in warnings)
    assert ask(manager, "credential_info", name="db").result["credentials"][0]["expires_at"][:19] == ends_at[:19]
    for within, count in (("2h", 1), ("30m", 0)):
        assert len(ask(manager, "credential_info", expires_within=within).result["credentials"]) == count
    ask(manager, "credential", name="db", state="present", tags={"a": "b"})
    store.server.call("POST", store.path("db", "metadata"), {"delete_version_after": "7200s"})
    again = ask(manager, "credential", name="db", state="present", value="two").result["credential"]
    assert again["expires_at"] > done["credential"]["expires_at"], "the end of the old value is not that of the new one"


def test_an_expiry_before_the_end_is_kept():
    store = VaultStore(once.openbao(), mount="endslater")
    end_after(store, "mount", 7200)
    ask(store.manager(), "credential", name="db", state="present", value="one")
    done = ask(store.manager(), "credential", name="db", state="present", expires_at="2026-01-01T00:00:00Z").result
    assert (done["credential"]["expires_at"], done["credential"]["state"]) == ("2026-01-01T00:00:00Z", "expired")


def test_a_rotation_warns_that_the_server_will_delete_the_new_value():
    store, warnings = VaultStore(once.openbao(), mount="endsrotated"), []
    end_after(store, "mount", 3600)
    ask(store.manager(), "credential", name="db", state="present", value="one")
    ask(store.manager(warnings.append), "credential_rotate", name="db", target="none")
    assert any("deletes version" in warning and "'db'" in warning for warning in warnings), warnings
