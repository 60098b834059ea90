# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A `mount` that is a folder in the real mount is found before anything is read or written there."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, NotFound
from tests.conformance.records import a_record
from tests.integration.vault_store import VaultStore
from tests.servers import once

WRONG = {
    "data of version 2": ({"mount": "secret/data"}, "secret", "Write 'mount: secret'."),
    "metadata of version 2": ({"mount": "secret/metadata/app"}, "secret", "Write 'mount: secret', and begin 'prefix' with 'app'."),
    "a folder": ({"mount": "secret/app"}, "secret", "Write 'mount: secret', and begin 'prefix' with 'app'."),
    "a folder of envelopes": ({"mount": "secret/app", "encrypt": True}, "secret", "begin 'prefix' with 'app'"),
    "below a mount of two segments": ({"mount": "teams/a/app"}, "teams/a", "Write 'mount: teams/a', and begin 'prefix' with 'app'."),
    "a folder of version 1": ({"mount": "kv1/app", "kv_version": 1, "single_writer": True}, "kv1", "begin 'prefix' with 'app'"),
    "the other version": ({"mount": "secret/app", "kv_version": 1, "single_writer": True}, "secret", "Write 'mount: secret'"),
}


@pytest.fixture
def server():
    made = once.openbao()
    made.enable("kv", "kv1", options={"version": "1"})
    made.enable("kv", "teams/a", options={"version": "2"})
    return made


def paths_asked(store, work):
    """The paths that the server was asked for while `work` is done, but for those that say what is mounted."""
    with store.server.audit.open(encoding="utf-8") as log:
        log.seek(0, 2)
        work()
        return [line for line in log if '"path":"' in line and store.prefix in line]


@pytest.mark.parametrize(("options", "real", "remedy"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("call", ["get", "put", "list", "delete", "versions"])
def test_a_folder_in_a_mount_is_refused_by_the_name_of_the_mount(server, call, options, real, remedy):
    store = VaultStore(server)
    backend = store.backend(**options)
    calls = {
        "get": lambda: backend.get("db"),
        "put": lambda: backend.put(a_record("db"), create=True),
        "list": lambda: list(backend.list(Filter())),
        "delete": lambda: backend.delete("db"),
        "versions": lambda: backend.versions("db"),
    }

    def work():
        with pytest.raises(InvalidConfiguration) as caught:
            calls[call]()
        assert caught.value.option == "mount"
        assert "the engine is mounted at '{0}', and '{1}' is a folder in it".format(real, options["mount"]) in str(caught.value)
        assert remedy in str(caught.value)

    assert paths_asked(store, work) == []


def test_a_mount_of_several_segments_is_one(server):
    backend = VaultStore(server, mount="teams/a").backend()
    backend.put(a_record("db"), create=True)
    assert backend.get("db").version == "1"


def test_a_login_that_cannot_see_what_is_mounted_is_not_misled(server):
    """The server's own words for a path below the root of version 2 come without the name of the mount."""
    token = server.token(server.policy("folder", 'path "secret/app/*" { capabilities = ["read"] }'), no_default_policy=True)
    store = VaultStore(server, mount="secret/app")
    with pytest.raises((InvalidConfiguration, NotFound)) as caught:
        store.backend(auth={"token": token}).get("db")
    assert isinstance(caught.value, InvalidConfiguration)
    assert "version 2 of KV is mounted at" not in str(caught.value)
