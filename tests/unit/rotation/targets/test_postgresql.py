# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL as a target: the calls, and what results mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import sys
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS, TRAITS

WAY = postgresql.Connection("admin", Secret("admin-word"), host="db", port=5433)


def test_the_verifier_is_the_one_of_rfc_5802_and_never_holds_the_password() -> None:
    written = postgresql.verifier("pencil")
    found = re.match(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)\Z", written)
    assert found
    rounds, salt, stored, server = int(found[1]), *(base64.b64decode(found[number]) for number in (2, 3, 4))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, rounds)
    assert hmac.new(salted, b"Server Key", "sha256").digest() == server
    assert hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest() == stored
    assert rounds >= 4096
    assert postgresql.verifier("pencil") != written


def test_a_missing_scramp_is_said_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scramp", None)
    with pytest.raises(errors.MissingLibrary) as raised:
        postgresql.verifier("pencil")
    assert "pip install scramp" in str(raised.value)


def test_apply_sends_a_verifier_and_logs_in_as_the_admin() -> None:
    module, arguments = postgresql.apply(WAY, "app", "new-word")
    assert module == "community.postgresql.postgresql_user"
    assert arguments["name"] == "app"
    assert arguments["password"].startswith("SCRAM-SHA-256$")
    assert "new-word" not in repr(arguments)
    assert (arguments["login_user"], arguments["login_host"], arguments["login_port"]) == ("admin", "db", 5433)
    assert "ssl_mode" not in arguments


def test_a_question_logs_in_as_the_role() -> None:
    module, arguments = postgresql.ask(WAY, "app", "new-word")
    assert module == "community.postgresql.postgresql_ping"
    assert (arguments["login_user"], arguments["login_password"]) == ("app", "new-word")


def test_no_password_is_in_a_repr() -> None:
    assert "admin-word" not in repr(WAY)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"changed": True}, steps.APPLIED),
        ({"changed": False}, steps.UNKNOWN),
        ({"unreachable": True}, steps.UNKNOWN),
        ({"failed": True, "msg": "unable to connect to database: connection refused"}, steps.UNAVAILABLE),
        ({"failed": True, "msg": "permission denied to alter role"}, steps.REFUSED),
        ({"failed": True, "msg": "must be superuser to alter superuser roles"}, steps.REFUSED),
        ({"failed": True, "msg": "server closed the connection unexpectedly"}, steps.UNKNOWN),
        ({"failed": True}, steps.UNKNOWN),
    ],
)
def test_an_apply_that_is_not_certain_is_unknown(result: dict[str, Any], outcome: str) -> None:
    assert postgresql.applied(result) == outcome


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"is_available": True}, steps.ACCEPTED),
        ({"is_available": False, "conn_err_msg": 'FATAL:  password authentication failed for user "app"'}, steps.REFUSED),
        ({"is_available": False, "conn_err_msg": "connection refused"}, steps.UNAVAILABLE),
        ({"is_available": False, "conn_err_msg": "FATAL:  no pg_hba.conf entry for host"}, steps.UNAVAILABLE),
        ({"failed": True, "msg": "password authentication failed"}, steps.UNAVAILABLE),
        ({"unreachable": True}, steps.UNAVAILABLE),
    ],
)
def test_only_a_sure_refusal_is_one(result: dict[str, Any], outcome: str) -> None:
    assert postgresql.answered(result) == outcome


def test_a_value_counts_as_accepted_only_where_a_wrong_one_is_refused() -> None:
    assert postgresql.judged(steps.ACCEPTED, steps.REFUSED) == steps.ACCEPTED
    assert postgresql.judged(steps.ACCEPTED, steps.ACCEPTED) == steps.ACCEPTS_ANYTHING
    assert postgresql.judged(steps.ACCEPTED, steps.UNAVAILABLE) == steps.UNAVAILABLE
    assert postgresql.judged(steps.REFUSED, steps.REFUSED) == steps.REFUSED


@pytest.mark.parametrize(
    ("result", "error", "told"),
    [
        ({"failed": True, "msg": "Failed to import the required Python library (psycopg2)"}, errors.MissingLibrary, "pip install 'psycopg"),
        ({"failed": True, "msg": "unable to connect: password authentication failed for admin"}, errors.Unavailable, "refuses the admin"),
        ({"unreachable": True}, errors.Unavailable, "cannot be reached"),
        ({"rowcount": 0}, errors.NotFound, "no role 'app'"),
    ],
)
def test_what_is_in_the_way_is_said_before_anything_is_begun(result: dict[str, Any], error: type, told: str) -> None:
    with pytest.raises(error) as raised:
        postgresql.seen(result, "app")
    assert told in str(raised.value)


def test_a_server_with_the_role_lets_the_rotation_begin() -> None:
    postgresql.seen({"rowcount": 1}, "app")
    assert postgresql.look(WAY, "app")[1]["named_args"] == {"role": "app"}


def test_two_users_take_turns() -> None:
    assert postgresql.other_username(("a", "b"), "a") == "b"
    assert postgresql.other_username(("a", "b"), "b") == "a"
    for usernames in (("a",), ("a", "a"), ("a", "b", "c"), ("b", "c")):
        with pytest.raises(errors.InvalidInput):
            postgresql.other_username(usernames, "a")


def test_every_target_has_traits_and_a_request_dies_before_the_lease() -> None:
    assert set(TARGETS) <= set(TRAITS)
    for traits in TRAITS.values():
        assert traits.apply_limit <= 300
    assert postgresql.SINGLE_USER.apply_limit < postgresql.SINGLE_USER.max_request_life
