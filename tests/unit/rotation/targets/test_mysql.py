# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MySQL and MariaDB as a target: the statements, and what results mean. The texts are those of MariaDB 10.11, MySQL 8.4 and PyMySQL."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import base, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mysql import MySQL, build_hash
from tests.unit.rotation.targets.recorded_modules import Recorded

WAY = {"admin_user": "admin", "admin_password": "admin-word", "host": "127.0.0.1", "port": 3307}
MARIADB, MYSQL = "10.11.19-MariaDB-0+deb12u1", "8.4.5"
NATIVE = "CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*052CFDAF254CE95DF69140EA2F2F157CD73B8948'"
SHA2 = (
    "CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$ it''s \\' REQUIRE SSL ACCOUNT LOCK'"
    " REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT"
)
ALL_RIGHTS = "GRANT ALL PRIVILEGES ON *.* TO `admin`@`%` WITH GRANT OPTION"
ACCEPTED = {"query_result": [[{"account": "app@%"}]], "executed_queries": ["SELECT"]}
DONE = {"query_result": [[], []], "executed_queries": ["SET", "SET"], "changed": False}


def value_of(password: bytes = b"new-word") -> Value:
    return Value({"username": Secret("app"), "password": Secret(password)})


def target(**options: Any) -> MySQL:
    defaults = {name: option.default for name, option in MySQL.options.items() if option.default is not None}
    return MySQL({**defaults, **WAY, **options}, value_of(b"old-word"))


def described(version: str = MARIADB, text: str = NATIVE, grants: tuple[str, ...] = (ALL_RIGHTS,), **variables: str) -> dict[str, Any]:
    """Return what the module returns for the queries of an account."""
    rows = [{"Variable_name": name, "Value": value} for name, value in variables.items()]
    named = [{"Grants for admin@%": grant} for grant in grants]
    return {"query_result": [[{"version": version, "account": "admin@%"}], rows, named, [{"CREATE USER for app@%": text}]]}


def failed(text: str) -> dict[str, Any]:
    return {"failed": True, "msg": "Cannot execute SQL 'SET' args [{'password': '(1045, x'}]: " + text}


def not_connected(text: str) -> dict[str, Any]:
    return {"failed": True, "msg": "unable to connect to database, check login_user and login_password. Exception message: " + text}


def sent(modules: Recorded) -> tuple[list[str], dict[str, str]]:
    """Return the statements of the last call that changes something, without the one for the limits, and their arguments."""
    arguments = modules.calls[-1][1]
    assert arguments["query"][0].startswith("SET SESSION lock_wait_timeout")
    return arguments["query"][1:], arguments["named_args"]


def test_mariadb_gets_a_hash_and_never_the_password() -> None:
    modules = Recorded(described(), DONE)
    assert target().apply(modules, value_of()) == steps.APPLIED
    module, arguments = modules.calls[-1]
    assert module == "community.mysql.mysql_query"
    assert (arguments["login_user"], arguments["login_host"], arguments["login_port"]) == ("admin", "127.0.0.1", 3307)
    statements, named = sent(modules)
    assert statements == ["SET PASSWORD FOR %(user)s@%(host)s = %(hash)s"]
    assert named == {"user": "app", "host": "%", "hash": build_hash("new-word")}
    assert "new-word" not in repr(modules.calls)
    assert build_hash("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def test_no_file_of_the_hosts_user_takes_part_in_a_login() -> None:
    modules = Recorded(described(), DONE)
    target().apply(modules, value_of())
    assert {arguments["config_file"] for _module, arguments in modules.calls} == {""}


def test_mysql_gets_the_password_and_keeps_the_way_to_log_in() -> None:
    modules = Recorded(described(MYSQL, SHA2), DONE)
    assert target().apply(modules, value_of()) == steps.APPLIED
    assert sent(modules) == (["SET PASSWORD FOR %(user)s@%(host)s = %(password)s"], {"user": "app", "host": "%", "password": "new-word"})
    assert {"password", "hash", "login_password"} == set(MySQL.secret_arguments)


def test_mysql_keeps_the_old_password_as_its_second_one_and_drops_it_after_the_current_one_is_the_first() -> None:
    dual = target(overlap="dual")
    assert (dual.traits.overlap, dual.traits.rollback, dual.traits.slots) == (base.DUAL, base.NATIVE, 2)
    modules = Recorded(not_connected("(1045, 'Access denied')"), described(MYSQL, SHA2), DONE)
    assert dual.apply(modules, value_of()) == steps.APPLIED
    assert sent(modules)[0] == ["SET PASSWORD FOR %(user)s@%(host)s = %(password)s RETAIN CURRENT PASSWORD"]
    modules = Recorded(described(MYSQL, SHA2), DONE)
    assert dual.retire(modules, value_of()) == steps.APPLIED
    statements, named = sent(modules)
    assert statements == ["SET PASSWORD FOR %(user)s@%(host)s = %(password)s", "ALTER USER %(user)s@%(host)s DISCARD OLD PASSWORD"]
    assert named["password"] == "old-word"


def test_a_second_password_that_works_already_is_not_sent_again() -> None:
    modules = Recorded(ACCEPTED)
    assert target(overlap="dual").apply(modules, value_of()) == steps.APPLIED
    assert [arguments["query"] for _module, arguments in modules.calls] == [["SELECT CURRENT_USER() AS account"]]


def test_a_second_password_is_refused_with_mariadb_and_with_two_users() -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        target(overlap="dual").precheck(Recorded(described()))
    assert raised.value.option == "mysql.overlap"
    with pytest.raises(errors.InvalidInput) as raised:
        target(overlap="dual", usernames=["app", "app_b"]).check()
    assert raised.value.option == "mysql.overlap"
    assert target().retire(Recorded(DONE), value_of()) == steps.REFUSED


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (DONE, steps.APPLIED),
        ({"changed": True}, steps.UNKNOWN),
        ({"unreachable": True}, steps.UNKNOWN),
        ({"failed": True, "msg": "MODULE FAILURE"}, steps.UNKNOWN),
        (not_connected('(2003, "Can\'t connect to MySQL server")'), steps.UNAVAILABLE),
        (failed("(2013, 'Lost connection to MySQL server during query')"), steps.UNKNOWN),
        (failed("(2006, 'MySQL server has gone away')"), steps.UNKNOWN),
        (failed("(1969, 'Query execution was interrupted (max_statement_time exceeded)')"), steps.UNKNOWN),
        (failed("(1053, 'Server shutdown in progress')"), steps.UNKNOWN),
        (failed("(1205, 'Lock wait timeout exceeded')"), steps.REFUSED),
        (failed("(1044, \"Access denied for user 'mid'@'%' to database 'mysql'\")"), steps.REFUSED),
        (failed("(1290, 'The MariaDB server is running with the --read-only option')"), steps.REFUSED),
        (failed("(1819, 'Your password does not satisfy the current policy requirements')"), steps.REFUSED),
    ],
)
def test_an_apply_that_is_not_certain_is_unknown(result: dict[str, Any], outcome: str) -> None:
    assert target().apply(Recorded(described(), result), value_of()) == outcome


def test_nothing_is_sent_if_the_account_cannot_be_read() -> None:
    modules = Recorded({"unreachable": True})
    assert target().apply(modules, value_of()) == steps.UNAVAILABLE
    assert len(modules.calls) == 1


@pytest.mark.parametrize(("options", "is_refused"), [({}, True), ({"account_host": "10.%"}, False), ({"overlap": "dual"}, False)])
def test_an_administrator_whose_own_password_changes_is_refused(options: dict[str, Any], is_refused: bool) -> None:
    answer = described(MYSQL, SHA2)
    answer["query_result"][0][0]["account"] = "app@%"
    own = target(admin_user="app", **options)
    own.check()
    if not is_refused:
        own.precheck(Recorded(answer))
        return
    with pytest.raises(errors.InvalidInput, match="own_login"):
        own.precheck(Recorded(answer))


def test_a_server_that_checks_passwords_itself_is_not_said_to_be_read_only() -> None:
    text = "(1290, 'The MariaDB server is running with the --strict-password-validation option so it cannot execute this statement')"
    modules = Recorded(described(), failed(text))
    assert target().apply(modules, value_of()) == steps.REFUSED
    assert "strict_password_validation" in modules.notes[-1]
    assert "read_only" not in modules.notes[-1]


@pytest.mark.parametrize(
    ("number", "words"), [(1819, "rules for passwords"), (3638, "used before"), (1044, "may not change"), (1290, "read_only")]
)
def test_why_the_server_refused_a_change_is_noted_in_our_words(number: int, words: str) -> None:
    modules = Recorded(described(), failed("({}, 'text of the server')".format(number)))
    target().apply(modules, value_of())
    assert words in modules.notes[-1]
    assert "text of the server" not in modules.notes[-1]


@pytest.mark.parametrize(
    ("result", "outcome", "note"),
    [
        (ACCEPTED, steps.ACCEPTED, ""),
        (not_connected("(1045, \"Access denied for user 'app'@'127.0.0.1' (using password: YES)\")"), steps.REFUSED, ""),
        (not_connected("(1698, \"Access denied for user 'sock'@'127.0.0.1'\")"), steps.REFUSED, ""),
        (not_connected("(4151, 'Access denied, this account is locked')"), steps.UNAVAILABLE, "locked"),
        (failed("(1820, 'You must SET PASSWORD before executing this statement')"), steps.UNAVAILABLE, "expired"),
        (not_connected("(1044, \"Access denied for user 'app'@'%' to database 'x'\")"), steps.UNAVAILABLE, "may not use the database"),
        (not_connected("(1226, \"User 'zero' has exceeded the 'max_user_connections' resource\")"), steps.UNAVAILABLE, "connections"),
        (not_connected("'cryptography' package is required for sha256_password"), steps.UNAVAILABLE, "cryptography"),
        (failed("(1045, 'Access denied')"), steps.UNAVAILABLE, ""),
        ({"unreachable": True}, steps.UNAVAILABLE, ""),
        ({"query_result": [[{"account": "app@localhost"}]]}, steps.UNAVAILABLE, "account_host"),
    ],
)
def test_only_a_sure_answer_to_a_login_is_one(result: dict[str, Any], outcome: str, note: str) -> None:
    modules = Recorded(result)
    assert target().probe(modules, value_of()) == outcome
    assert note in modules.notes[-1]


def test_a_value_is_tried_where_applications_connect_and_changed_at_the_server() -> None:
    behind = target(probe_host="127.0.0.2", probe_port=6033, database="shop")
    modules = Recorded(ACCEPTED)
    behind.probe(modules, value_of())
    tried = modules.calls[0][1]
    assert (tried["login_host"], tried["login_port"], tried["login_db"], tried["login_user"]) == ("127.0.0.2", 6033, "shop", "app")
    modules = Recorded(described(), DONE)
    behind.apply(modules, value_of())
    assert {(arguments["login_host"], arguments.get("login_db")) for _module, arguments in modules.calls} == {("127.0.0.1", None)}


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        ({"failed": True, "msg": "A MySQL module is required: for Python 2.7"}, errors.MissingLibrary, "pip install PyMySQL"),
        (
            not_connected("(1045, \"Access denied for user 'admin'\")"),
            errors.Unavailable,
            "refuses the admin login (admin at 127.0.0.1:3307)",
        ),
        (not_connected('(2003, "Can\'t connect ([Errno 111] Connection refused)")'), errors.Unavailable, "nothing listens"),
        (not_connected("[Errno -2] Name or service not known"), errors.Unavailable, "cannot be resolved"),
        ({"unreachable": True}, errors.Unavailable, "cannot be reached"),
        (failed('(1133, "Can\'t find any matching row in the user table")'), errors.NotFound, "no user 'app'@'%'"),
        (failed("(1396, 'Operation SHOW CREATE USER failed')"), errors.NotFound, "account_host"),
        (failed("(1044, \"Access denied for user 'low'@'%' to database 'mysql'\")"), errors.AccessDenied, "SELECT and UPDATE on mysql.*"),
        (described(text="CREATE USER `app`@`%` IDENTIFIED VIA unix_socket"), errors.InvalidInput, "unix_socket"),
        (
            described(text="CREATE USER `app`@`%` IDENTIFIED VIA unix_socket OR mysql_native_password USING '*05'"),
            errors.InvalidInput,
            "unix_socket or mysql_native_password",
        ),
        (described(text="CREATE USER `app`@`%` IDENTIFIED VIA ed25519 USING 'x OR y' REQUIRE SSL"), errors.InvalidInput, "by ed25519,"),
        (described(MYSQL, "CREATE USER `app`@`%` IDENTIFIED WITH 'auth_pam' AS 'x' REQUIRE NONE"), errors.InvalidInput, "auth_pam"),
        (described(grants=("GRANT SELECT ON *.* TO `admin`@`%`",)), errors.AccessDenied, "UPDATE on mysql.*"),
        (described(grants=("GRANT UPDATE ON `shop`.* TO `admin`@`%`",)), errors.AccessDenied, "UPDATE on mysql.*"),
        (described(grants=("GRANT SELECT, UPDATE ON `mysql`.* TO `admin`@`%`",), read_only="ON"), errors.AccessDenied, "takes no changes"),
        (described(MYSQL, SHA2, read_only="ON", super_read_only="ON"), errors.AccessDenied, "takes no changes"),
    ],
)
def test_what_is_in_the_way_is_named_before_anything_is_begun(result: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error) as raised:
        target().precheck(Recorded(result))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "result",
    [
        described(),
        described(text="CREATE USER `app`@`%`"),
        described(MYSQL, SHA2),
        described(MYSQL, SHA2, ("GRANT CREATE USER ON *.* TO `admin`@`%`",)),
        described(grants=("GRANT `keepers` TO `admin`@`%`", "GRANT USAGE ON *.* TO `admin`@`%`")),
        described(grants=("GRANT READ ONLY ADMIN, UPDATE ON *.* TO `admin`@`%`",), read_only="ON"),
    ],
)
def test_an_administrator_who_may_change_the_password_lets_the_rotation_begin(result: dict[str, Any]) -> None:
    modules = Recorded(result)
    target().precheck(modules)
    assert len(modules.calls) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NATIVE + " ACCOUNT LOCK", "ACCOUNT LOCK"),
        (NATIVE + " PASSWORD EXPIRE", "PASSWORD EXPIRE"),
        (NATIVE + " WITH MAX_USER_CONNECTIONS -1", "MAX_USER_CONNECTIONS"),
        (NATIVE + " REQUIRE SSL PASSWORD EXPIRE NEVER", "ca_cert"),
        (NATIVE + " REQUIRE X509", "client_cert"),
        (NATIVE.replace("`app`", "`ACCOUNT LOCK`") + " PASSWORD EXPIRE INTERVAL 3 DAY", ""),
        (SHA2, ""),
    ],
)
def test_what_makes_the_server_refuse_every_password_is_named(text: str, words: str) -> None:
    obstacle = target().find_obstacle(Recorded(described(text=text)), value_of())
    assert words in obstacle
    assert bool(obstacle) is bool(words)
    assert obstacle.startswith("the server refuses the user 'app' with every password: it" if words else "")


def test_nothing_is_named_that_is_not_known() -> None:
    assert target().find_obstacle(Recorded({"unreachable": True}), value_of()) == ""


def test_a_user_that_changes_its_own_password_has_no_way_back_and_needs_no_administrator() -> None:
    own = MySQL({"own_login": True, "account_host": "%", "overlap": "none"}, value_of(b"old-word"))
    own.check()
    assert own.traits.rollback == base.NO_ROLLBACK
    modules = Recorded(described(grants=()), described(grants=()), DONE)
    own.precheck(modules)
    assert own.apply(modules, value_of()) == steps.APPLIED
    assert {(arguments["login_user"], arguments["login_password"]) for _module, arguments in modules.calls} == {("app", "old-word")}
    own.precheck(Recorded(not_connected("(1045, 'Access denied')")))
    for name, option in (("admin_user", "admin"), ("usernames", ["app", "b"])):
        with pytest.raises(errors.InvalidInput) as raised:
            MySQL({"own_login": True, "account_host": "%", "overlap": "none", name: option}, value_of()).check()
        assert raised.value.option == "mysql." + name


def test_another_machine_is_not_reached_without_tls_unless_the_task_says_so() -> None:
    for options in ({"host": "db.example.com"}, {"probe_host": "proxy.example.com"}):
        with pytest.raises(errors.InvalidInput) as raised:
            target(**options).check()
        assert raised.value.option == "mysql.ca_cert"
        target(**options, ca_cert="/etc/ca.pem").check()
        target(**options, allow_insecure_transport=True).check()
    with pytest.raises(errors.InvalidInput) as raised:
        target(client_key="/etc/key.pem").check()
    assert raised.value.option == "mysql.client_key"


@pytest.mark.parametrize(("password", "words"), [(b"", "empty"), (b"a\0b", "NUL"), (b"\xff", "UTF-8"), ("\u00e9".encode(), "beyond ASCII")])
def test_a_value_that_clients_cannot_log_in_with_is_never_sent(password: bytes, words: str) -> None:
    modules = Recorded(ACCEPTED)
    assert words in target().find_flaw(value_of(password))
    assert target().apply(modules, value_of(password)) == steps.REFUSED
    assert target().probe(modules, value_of(password)) == steps.UNAVAILABLE
    assert modules.calls == []
