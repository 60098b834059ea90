# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One credential that cannot be read spoils no listing and no other credential, on any backend (B5)."""

from __future__ import annotations

import base64
import sqlite3
import uuid
from typing import Any, Callable, List, Tuple

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.database_servers import configuration
from tests.integration.kubernetes_store import KubeStore
from tests.integration.vault_store import VaultStore
from tests.servers import databases, once

DEEP = "[" * 5000 + "]" * 5000

Spoilt = Tuple[Any, Callable[[], object]]
"""The configuration of a store, and what spoils its credential `bad`."""


def in_sqlite(column: str, value: str) -> Callable[[Any], Spoilt]:
    def build(tmp_path: Any) -> Spoilt:
        folder = tmp_path / "database"
        folder.mkdir(mode=0o700)
        config = {
            "backend": "database",
            "url": "sqlite:///{0}/it.db".format(folder),
            "encrypt": False,
            "allow_plaintext": True,
            "audit": "off",
        }

        def spoil() -> None:
            with sqlite3.connect(folder / "it.db") as connection:
                connection.execute("UPDATE cred_credentials SET {0} = ? WHERE name = 'bad'".format(column), (value,))
            connection.close()

        return config, spoil

    return build


def in_postgresql(assignment: str) -> Callable[[Any], Spoilt]:
    def build(tmp_path: Any) -> Spoilt:
        server, prefix = once.server("postgresql"), databases.prefix(tmp_path)
        spoil = "UPDATE {0}credentials SET {1} WHERE name = 'bad'".format(prefix, assignment)
        return configuration(server, prefix, encrypt=False, allow_plaintext=True), lambda: server.run(spoil)

    return build


def in_kv2(_tmp_path: Any) -> Spoilt:
    store = VaultStore(once.openbao())

    def spoil() -> None:
        custom = dict(store.custom("bad"), **{"nebula-1-0": DEEP[:500]})
        store.server.call("POST", store.path("bad", "metadata"), {"custom_metadata": custom})

    return dict(store.configured(), backend="vault", audit="off"), spoil


def in_kv2_encrypted(_tmp_path: Any) -> Spoilt:
    store = VaultStore(once.openbao())
    broken = {"data": {"nebula.envelope": "é", "nebula.object": {"serial": 1}}}
    config = dict(store.configured(), backend="vault", audit="off", encrypt=True)
    return config, lambda: store.server.call("POST", store.path("bad"), broken)


def in_kubernetes(annotation: str, text: str) -> Callable[[Any], Spoilt]:
    def build(_tmp_path: Any) -> Spoilt:
        store = KubeStore(once.kubernetes())

        def spoil() -> None:
            secret = store.secret("nebula-bad")
            secret["metadata"]["annotations"]["nebula.credential/" + annotation] = text
            store.server.call("PUT", store.server.secrets_path(store.namespace, "nebula-bad"), secret)

        return dict(store.configured(), backend="kubernetes", audit="off", encrypt=False), spoil

    return build


CASES = {
    "sqlite: deep metadata": in_sqlite("metadata", DEEP),
    "sqlite: no time": in_sqlite("created_at", "yesterday"),
    "sqlite: text in a number": in_sqlite("revision", "x"),
    "postgresql: metadata of another kind": in_postgresql("metadata = '[1]'"),
    "kv2: metadata": in_kv2,
    "kv2, encrypted: envelope": in_kv2_encrypted,
    "kubernetes: deep metadata": in_kubernetes("metadata", DEEP),
    "kubernetes: serial": in_kubernetes("serial", "1e999"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_others_are_listed_and_read(tmp_path, case):
    config, spoil = CASES[case](tmp_path)
    warnings: List[str] = []
    manager = open_store(config, name="prod", warn=warnings.append)
    for name in ("bad", "good"):
        manager.ensure(DesiredCredential(name, value=Secret("s3cret-" + name)))
    spoil()
    rows = {row["name"]: row["unreadable"] for row in perform(manager, "find", {"type": "opaque"}, NOBODY).result["credentials"]}
    assert rows["good"] is None
    assert rows["bad"]["code"] in {"damaged", "storage"}
    assert any("1 of the listed credentials cannot be read: bad" in warning for warning in warnings)
    assert manager.get("good").token().expose() == b"s3cret-good"
    manager.close()


def test_a_time_without_end_is_the_last_one_and_not_unreadable(tmp_path):
    config, spoil = in_postgresql("metadata = NULL, expires_at = 'infinity', created_at = '-infinity'")(tmp_path)
    manager = open_store(config, name="prod")
    manager.ensure(DesiredCredential("bad", value=Secret("s3cret")))
    spoil()
    (row,) = perform(manager, "find", {}, NOBODY).result["credentials"]
    assert (row["unreadable"], row["expired"], row["expires_at"][:10], row["created_at"][:10]) == (None, False, "9999-12-31", "0001-01-01")
    manager.close()


def test_text_that_is_not_base64_in_a_value_of_another_tool_is_returned_as_its_json():
    """It looks like bytes of ours and is none."""
    store = VaultStore(once.openbao())
    store.server.call("POST", store.path("foreign"), {"data": {"value": {"base64": "é"}}})
    assert store.manager().get("foreign").token().expose() == '{"base64":"é"}'.encode()


def test_a_policy_that_denies_one_secret_spoils_no_listing():
    server = once.openbao()
    mount = server.enable("kv", "kv1-" + uuid.uuid4().hex[:8], options={"version": "1"})
    store = VaultStore(server, mount=mount, kv_version=1)
    for name in ("bad", "good"):
        store.server.call("PUT", "{0}/{1}/{2}".format(mount, store.prefix, name), {"value": base64.b64encode(b"x").decode()})
    rules = {"*": "read", "": "list", "bad": "deny"}
    policy = "\n".join('path "{0}/{1}/{2}" {{ capabilities = ["{3}"] }}'.format(mount, store.prefix, *rule) for rule in rules.items())
    login = {"token": store.server.token(store.server.policy(store.prefix + "p", policy), no_default_policy=True)}
    manager = store.manager(auth=login)
    rows = {row["name"]: row["unreadable"] for row in perform(manager, "find", {}, NOBODY).result["credentials"]}
    assert rows["good"] is None
    assert rows["bad"]["code"] == "access_denied"
