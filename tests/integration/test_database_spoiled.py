# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A row that cannot be read spoils no listing and no other row, in a real database."""

from __future__ import annotations

import sqlite3
from typing import Any, Callable, Dict, Tuple

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.database_servers import configuration
from tests.integration.spoiled_stores import DEEP, check_others_are_listed_and_read
from tests.servers import databases, once

PLAIN = {"encrypt": False, "allow_plaintext": True, "audit": "off"}


@pytest.mark.parametrize(("column", "value"), [("metadata", DEEP), ("created_at", "yesterday"), ("revision", "x")])
def test_a_row_of_sqlite_that_was_changed_by_hand(tmp_path, column, value):
    folder = tmp_path / "database"
    folder.mkdir(mode=0o700)

    def spoil() -> None:
        with sqlite3.connect(folder / "it.db") as connection:
            connection.execute("UPDATE cred_credentials SET {0} = ? WHERE name = 'bad'".format(column), (value,))
        connection.close()

    check_others_are_listed_and_read(dict(PLAIN, backend="database", url="sqlite:///{0}/it.db".format(folder)), spoil)


def a_store(tmp_path: Any, assignment: str) -> Tuple[Dict[str, Any], Callable[[], None]]:
    server, prefix = once.server("postgresql"), databases.prefix(tmp_path)
    statement = "UPDATE {0}credentials SET {1} WHERE name = 'bad'".format(prefix, assignment)
    return dict(configuration(server, prefix), **PLAIN), lambda: server.run(statement)


@pytest.mark.server
@pytest.mark.parametrize("assignment", ["metadata = '[1]'", "metadata = jsonb_set(metadata, '{scope}', '3')"])
def test_a_row_of_a_server_that_was_changed_by_hand(tmp_path, assignment):
    check_others_are_listed_and_read(*a_store(tmp_path, assignment))


@pytest.mark.server
def test_a_time_without_end_is_the_last_one_and_not_unreadable(tmp_path):
    config, spoil = a_store(tmp_path, "metadata = NULL, expires_at = 'infinity', created_at = '-infinity'")
    manager = open_store(config, name="prod")
    manager.ensure(DesiredCredential("bad", value=Secret("s3cret")))
    spoil()
    (row,) = perform(manager, "find", {}, NOBODY).result["credentials"]
    assert (row["unreadable"], row["expired"], row["expires_at"][:10], row["created_at"][:10]) == (None, False, "9999-12-31", "0001-01-01")
    manager.close()
