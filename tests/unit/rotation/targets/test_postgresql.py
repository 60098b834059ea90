# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL as a target: the calls, and what results mean."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import MANUAL_TRAITS, NO_TARGET_TRAITS, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import MAX_TIME_LIMIT, Command
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import SINGLE_USER, PostgreSQL
from tests.unit.rotation.targets.recorded_modules import Recorded

WAY = {"admin_user": "admin", "admin_password": "admin-word", "host": "db", "port": 5433}
NEW = Value({"username": Secret("app"), "password": Secret("new-word")})


def target(**options: Any) -> PostgreSQL:
    return PostgreSQL({**WAY, **options}, Value({"username": Secret("app"), "password": Secret("old-word")}))


def value_of(password: bytes) -> Value:
    return Value({"username": Secret("app"), "password": Secret(password)})


def called(act: Any, *arguments: Any) -> tuple[str, Any]:
    modules = Recorded({"rowcount": 1})
    act(modules, *arguments)
    return modules.calls[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"admin_user": "app"}, "own_login"), ({"admin_user": "app_b", "usernames": ["app", "app_b"]}, "Name another")],
)
def test_an_administrator_whose_own_password_changes_is_refused(options: dict[str, Any], words: str) -> None:
    """Its login is refused from the change on: a run that was broken off would not get in again to find out which value counts."""
    with pytest.raises(errors.InvalidInput, match=words) as raised:
        target(**options).check()
    assert raised.value.option == "postgresql.admin_user"


def test_apply_sends_a_verifier_and_logs_in_as_the_admin() -> None:
    module, arguments = called(target().apply, NEW)
    assert module == "community.postgresql.postgresql_user"
    assert arguments["name"] == "app"
    assert arguments["password"].startswith("SCRAM-SHA-256$")
    assert "new-word" not in repr(arguments)
    assert (arguments["login_user"], arguments["login_host"], arguments["login_port"]) == ("admin", "db", 5433)
    assert "ssl_mode" not in arguments


def test_a_question_logs_in_as_the_role() -> None:
    module, arguments = called(target().probe, NEW)
    assert module == "community.postgresql.postgresql_ping"
    assert (arguments["login_user"], arguments["login_password"]) == ("app", "new-word")


@pytest.mark.parametrize(("options", "place"), [({}, ""), ({"hosts": "bastion"}, "bastion")])
def test_the_modules_run_on_the_host_that_is_named_else_on_that_of_the_task(options: dict[str, Any], place: str) -> None:
    modules = Recorded({"rowcount": 1})
    for act in (target(**options).apply, target(**options).probe, target(**options).find_obstacle):
        act(modules, NEW)
    assert modules.places == [place] * 3


def test_no_password_is_in_a_repr() -> None:
    assert "new-word" not in repr(NEW)
    assert "admin-word" not in repr(target())
    assert "admin-word" not in repr(target().describe())


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
        ({"failed": True, "msg": "terminating connection due to administrator command"}, steps.UNKNOWN),
        ({"failed": True, "msg": "consuming input failed: SSL SYSCALL error: EOF detected"}, steps.UNKNOWN),
        ({"failed": True, "msg": "Module result deserialization failed."}, steps.UNKNOWN),
        ({"failed": True, "msg": "canceling statement due to statement timeout"}, steps.REFUSED),
        ({"failed": True, "msg": "password is too short"}, steps.REFUSED),
        ({"failed": True}, steps.UNKNOWN),
    ],
)
def test_an_apply_that_is_not_certain_is_unknown(result: dict[str, Any], outcome: str) -> None:
    assert target().apply(Recorded(result), NEW) == outcome


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"is_available": True}, steps.ACCEPTED),
        ({"is_available": False, "conn_err_msg": 'FATAL:  password authentication failed for user "app"'}, steps.REFUSED),
        ({"is_available": False, "conn_err_msg": "FATAL:  SASL authentication failed"}, steps.REFUSED),
        ({"is_available": False, "conn_err_msg": "FATAL:  no such user"}, steps.REFUSED),
        ({"failed": True, "msg": "server login has been failing, try again later (server_login_retry)"}, steps.UNAVAILABLE),
        ({"is_available": False, "conn_err_msg": 'FATAL:  role "app" is not permitted to log in'}, steps.REFUSED),
        ({"is_available": False, "conn_err_msg": "connection refused"}, steps.UNAVAILABLE),
        ({"is_available": False, "conn_err_msg": "FATAL:  no pg_hba.conf entry for host"}, steps.UNAVAILABLE),
        ({"failed": True, "msg": "password authentication failed"}, steps.UNAVAILABLE),
        ({"unreachable": True}, steps.UNAVAILABLE),
    ],
)
def test_only_a_sure_refusal_is_one(result: dict[str, Any], outcome: str) -> None:
    assert target().probe(Recorded(result), NEW) == outcome


@pytest.mark.parametrize(
    ("result", "error", "told"),
    [
        ({"failed": True, "msg": "Failed to import the required Python library (psycopg2)"}, errors.MissingLibrary, "pip install 'psycopg"),
        ({"failed": True, "msg": "unable to connect: password authentication failed for admin"}, errors.Unavailable, "refuses the admin"),
        ({"unreachable": True}, errors.Unavailable, "cannot be reached"),
        ({"rowcount": 0}, errors.NotFound, "no role 'app'"),
        ({"failed": True, "msg": "FATAL: unsupported startup parameter: options"}, errors.Unavailable, "probe_host"),
    ],
)
def test_what_is_in_the_way_is_said_before_anything_is_begun(result: dict[str, Any], error: type, told: str) -> None:
    with pytest.raises(error) as raised:
        target().precheck(Recorded(result))
    assert told in str(raised.value)


def test_a_server_with_the_role_lets_the_rotation_begin() -> None:
    assert called(target().precheck)[1]["named_args"] == {"role": "app"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"rolcanlogin": False, "is_expired": False, "may_connect": True, "has_no_connections": False}, "NOLOGIN"),
        ({"rolcanlogin": True, "is_expired": True, "may_connect": True, "has_no_connections": False}, "VALID UNTIL"),
        ({"rolcanlogin": True, "is_expired": False, "may_connect": False, "has_no_connections": False}, "GRANT CONNECT"),
        ({"rolcanlogin": True, "is_expired": False, "may_connect": True, "has_no_connections": True}, "CONNECTION LIMIT 0"),
    ],
)
def test_what_makes_the_server_refuse_every_password_is_named(row: dict[str, Any], words: str) -> None:
    obstacle = target().find_obstacle(Recorded({"rowcount": 1, "query_result": [row]}), NEW)
    assert "refuses the role 'app' with every password" in obstacle
    assert words in obstacle
    assert obstacle.count("(") == 1


@pytest.mark.parametrize(
    "result",
    [
        {"query_result": [{"rolcanlogin": True, "is_expired": False, "may_connect": True, "has_no_connections": False}]},
        {"unreachable": True},
        {"failed": True, "msg": "x"},
    ],
)
def test_nothing_is_named_that_is_not_known(result: dict[str, Any]) -> None:
    assert target().find_obstacle(Recorded(result), NEW) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FATAL:  no pg_hba.conf entry for host", "pg_hba.conf has no entry"),
        ('FATAL:  permission denied for database "app"', "may not connect"),
        ("FATAL:  unsupported startup parameter: options", "connect_params"),
        ("FATAL:  anything else", ""),
    ],
)
def test_why_a_value_could_not_be_tried_is_noted_in_our_words(text: str, words: str) -> None:
    modules = Recorded({"is_available": False, "conn_err_msg": text})
    assert target().probe(modules, NEW) == steps.UNAVAILABLE
    assert words in modules.notes[0]
    assert text not in modules.notes[0]


def test_a_value_is_tried_where_applications_connect_and_changed_at_the_server() -> None:
    pooled = target(probe_host="pooler", probe_port=6432)
    tried = called(pooled.probe, NEW)[1]
    assert (tried["login_host"], tried["login_port"]) == ("pooler", 6432)
    for act in (pooled.apply, pooled.find_obstacle):
        sent = called(act, NEW)[1]
        assert (sent["login_host"], sent["login_port"]) == ("db", 5433)
    assert called(target(probe_port=6432).probe, NEW)[1]["login_host"] == "db"
    assert called(target(host=None, unix_socket="/run", probe_host="pooler").probe, NEW)[1].get("login_unix_socket") is None


def test_a_probe_sends_no_parameter_that_a_pooler_refuses() -> None:
    assert called(target().probe, NEW)[1]["connect_params"] == {"connect_timeout": 10}
    assert "options" in called(target().apply, NEW)[1]["connect_params"]
    own = {"connect_timeout": 3, "application_name": "rotation"}
    assert called(target(connect_params=own).probe, NEW)[1]["connect_params"] == own


def test_two_users_take_turns() -> None:
    assert next_username(("a", "b"), "a") == b"b"
    assert next_username(("a", "b"), "b") == b"a"
    for usernames in (("a",), ("a", "a"), ("a", "b", "c"), ("b", "c")):
        with pytest.raises(errors.InvalidInput):
            next_username(usernames, "a")


def next_username(usernames: tuple[str, ...], current: str) -> bytes:
    return target(usernames=usernames).next_fields(Value({"username": Secret(current)}))["username"].expose()


def test_a_request_dies_before_the_lease() -> None:
    command = Command({"overlap": "none", "time_limit": MAX_TIME_LIMIT}, NEW)
    for traits in (NO_TARGET_TRAITS, MANUAL_TRAITS, target().traits, target(usernames=("a", "b")).traits, command.traits):
        assert traits.apply_limit <= 300
    assert SINGLE_USER.apply_limit < SINGLE_USER.max_request_life


@pytest.mark.parametrize("role", ['"app"', 'a"b', "a%%b", "a%(user)s", '"'])
def test_a_role_that_the_module_would_take_for_another_one_is_refused(role: str) -> None:
    for options, option in (({"role": role}, "postgresql.role"), ({"usernames": ["app", role]}, "postgresql.usernames")):
        with pytest.raises(errors.InvalidInput) as raised:
            target(**options).check()
        assert role in str(raised.value)
        assert raised.value.option == option


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "must be superuser to alter superuser roles or change superuser attribute",
            "only a superuser may change the password of this role",
        ),
        ("must be a member of rds_password to alter passwords", "needs the role rds_password"),
        ("password type is not a plain text", "takes no verifier"),
    ],
)
def test_why_the_server_refused_a_change_is_noted_in_our_words(text: str, words: str) -> None:
    modules = Recorded({"failed": True, "msg": text})
    assert target().apply(modules, NEW) == steps.REFUSED
    assert words in modules.notes[-1]


@pytest.mark.parametrize("right", ["read_only", "superuser", "createrole", "admin_option"])
def test_a_right_that_the_administrator_lacks_is_named_before_anything_is_sent(right: str) -> None:
    with pytest.raises(errors.AccessDenied) as raised:
        target().precheck(Recorded({"rowcount": 1, "query_result": [{"missing_right": right}]}))
    assert "Nothing was changed" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "option", "words"),
    [
        ("connection to server failed: Connection refused", "postgresql.port", "nothing listens"),
        ("failed to resolve host 'nowhere.invalid': [Errno -2] Name or service not known", "postgresql.host", "cannot be resolved"),
        ("server does not support SSL, but SSL was required", "postgresql.ssl_mode", "TLS"),
        ('FATAL:  password authentication failed for user "admin"', "postgresql.admin_user", "refuses the admin login"),
        ('FATAL:  database "nodb" does not exist', "postgresql.database", "database"),
        ("connection timeout expired", "postgresql.host", "in time"),
        ("something else", "postgresql", "cannot be reached"),
    ],
)
def test_a_login_that_fails_names_the_server_the_user_and_the_cause(text: str, option: str, words: str) -> None:
    with pytest.raises(errors.Unavailable) as raised:
        target().precheck(Recorded({"failed": True, "msg": "unable to connect to database: " + text}))
    assert raised.value.option == option
    assert words in str(raised.value)
    assert "admin at db:5433" in str(raised.value)
