# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a credential is, in the results of modules and lookups."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask

AUTH = {"method": "token", "token": "t0ken"}


def opened(**config):
    return closing(open_store(dict({"audit": "off"}, **config), name="prod"))


def located(manager):
    """The location in each result that has one; all are the same."""
    results = [
        ask(manager, "credential", name="app/db", value="s3cret", state="present").result["location"],
        ask(manager, "credential_info", name="app/db").result["credentials"][0]["location"],
        ask(manager, "find").result["credentials"][0]["location"],
        ask(manager, "credential_rotate", name="app/db", phase="status").result["location"],
    ]
    assert results == [results[0]] * 4
    return results[0]


@pytest.mark.parametrize("encrypt", [True, False])
def test_a_local_store_names_the_file(tmp_path, encrypt):
    plain = {} if encrypt else {"encrypt": False, "format": "json", "allow_plaintext": True}
    with opened(backend="local", path=str(tmp_path / "store"), **plain) as manager:
        (path,) = located(manager).values()
        assert os.path.isfile(path)
        ask(manager, "credential", name="app/db", state="absent")
        assert not os.path.exists(path)


def test_a_database_names_the_table_and_the_key(tmp_path):
    url = "sqlite:///{0}".format(tmp_path / "store.db")
    with opened(backend="database", url=url) as manager:
        place = located(manager)
        assert place["database"] == url
        with closing(sqlite3.connect(str(tmp_path / "store.db"))) as connection:
            rows = connection.execute("SELECT stage FROM {0} WHERE name = ?".format(place["table"]), [place["name"]]).fetchall()
        assert rows == [("current",)]


def test_a_memory_store_names_its_process():
    with opened(backend="memory") as manager:
        assert located(manager) == {"process": str(os.getpid())}


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (
            {
                "backend": "vault",
                "url": "https://vault.example.com:8200",
                "namespace": "/team/",
                "auth": AUTH,
            },
            {"url": "https://vault.example.com:8200", "namespace": "team", "path": "secret/nebula/app/db"},
        ),
        (
            {
                "backend": "vault",
                "url": "http://127.0.0.1:8200",
                "kv_version": 1,
                "mount": "kv",
                "auth": AUTH,
            },
            {"url": "http://127.0.0.1:8200", "path": "kv/nebula/app/db"},
        ),
        (
            {"backend": "database", "url": "postgresql://me@db.example.com/prod", "password": "t0ken", "table_prefix": "x_"},
            {"database": "postgresql://db.example.com:5432/prod", "table": "x_credentials", "name": "app/db"},
        ),
    ],
)
def test_a_location_has_no_login_and_needs_no_server(config, place):
    with opened(**config) as manager:
        assert manager.locate("app/db") == place
