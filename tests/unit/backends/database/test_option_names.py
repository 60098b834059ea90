# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other names of the options, and the variables of other tools, of a store in a database."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import TRAITS
from tests.unit.backends.variables import CANARY, check_filled, check_named, check_refused, fill

STORE = {"backend": "database", "url": "postgresql://", "audit": "off"}
WHOLE = {**STORE, "url": "postgresql://u@h/d"}


def test_the_names_of_other_collections_are_known():
    expected = {
        "login_host": "host",
        "login_user": "username",
        "login_password": "password",
        "login_db": "database",
        "login_unix_socket": "unix_socket",
        "validate_certs": "verify",
    }
    assert expected.items() <= TRAITS.aliases.items()


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (STORE, {"PGHOST": "h", "PGDATABASE": "d"}, {"host": "h", "database": "d"}),
        (WHOLE, {"PGHOST": "x", "PGUSER": "x", "PGPORT": "1"}, {"host": None, "username": None, "port": None}),
        (WHOLE, {"PGPASSWORD": "p", "PGSSLROOTCERT": "c"}, {"password": "p", "tls_ca": "c"}),
        ({**WHOLE, "password_file": "f"}, {"PGPASSWORD": "p"}, {"password": None}),
        ({**STORE, "url": "mariadb://u@h/d"}, {"PGPASSWORD": "p", "PGSSLMODE": "disable"}, {"password": None}),
        ({**STORE, "url": "sqlite:////x.db"}, {"PGHOST": "h", "PGSERVICE": "s"}, {"host": None}),
    ],
)
def test_a_variable_stands_for_an_option_that_is_not_written(config, environment, expected):
    check_filled(config, environment, expected)


@pytest.mark.parametrize(
    ("variable", "value", "write"),
    [
        ("PGSSLMODE", "prefer", "verify: false"),
        ("PGSSLMODE", "verify-ca", "verify: false"),
        ("PGSERVICE", CANARY, "into the store"),
    ],
)
def test_a_variable_that_a_store_does_not_follow_is_refused_by_name(variable, value, write, monkeypatch):
    monkeypatch.setenv(variable, value)
    check_refused(STORE, variable, write)


@pytest.mark.parametrize(
    ("config", "variable", "value"),
    [
        ({**STORE, "allow_insecure_transport": True}, "PGSSLMODE", "disable"),
        ({**STORE, "verify": False}, "PGSSLMODE", "disable"),
        (STORE, "PGSSLMODE", "verify-full"),
        (WHOLE, "PGSERVICE", "x"),
    ],
)
def test_a_written_option_decides_and_harmless_values_pass(config, variable, value):
    assert fill(config, {variable: value}) == config


def test_a_mistake_in_a_variable_names_the_variable(monkeypatch):
    monkeypatch.setenv("PGPORT", CANARY)
    check_named(STORE, "PGPORT", "port")
