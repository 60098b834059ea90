# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results of community.mysql's module mysql_query mean. Their texts are read here and are not passed on."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidInput, MissingLibrary, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import NETWORK_CAUSES, Cause, login_error

READ_ACCOUNT = (
    "SELECT VERSION() AS version, CURRENT_USER() AS account",
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')",
    "SHOW GRANTS",
    "SHOW CREATE USER %(user)s@%(host)s",
)
"""The queries whose results `Account` reads."""
WHO = "SELECT CURRENT_USER() AS account"

_NO_LIBRARY = "A MySQL module is required"
_NOT_CONNECTED = "unable to connect to database"
_NUMBER = re.compile(r"(?:Exception message|\]): \((\d{4}), ")
"""The number of an error, behind what the module writes before it."""
_WRONG_PASSWORD = (1045, 1698)
_MISSING_ACCOUNT = (1133, 1396)
_DENIED = (1044, 1142, 1227)
_UNANSWERED = (1053, 1317, 1969, 2006, 2013, 2055, 3024)
"""The connection was lost, or the statement was ended while it ran. Every other number of the server is its answer."""
_NEVER_CHANGES = "the server takes no changes on this connection (read_only)"
_FORBIDDEN = 1290
"""An option of the server forbids the statement. The text of the error names the option."""
_WANTS_NO_HASH = "the server checks passwords itself and takes no hash of one (strict_password_validation)"
_REFUSALS: Mapping[int, str] = {
    **dict.fromkeys(_DENIED, "the administrator may not change the user's password"),
    **dict.fromkeys(_MISSING_ACCOUNT, "the server has no such user"),
    _FORBIDDEN: _NEVER_CHANGES,
    1836: _NEVER_CHANGES,
    1205: "another transaction holds the tables of the users",
    1699: "the user's way to log in has no password",
    1819: "the password does not meet the server's rules for passwords",
    3638: "the password was used before, and the server's rules do not allow it again",
}
"""Why the server refused a change, in our words."""
_UNTRIED: Mapping[int, str] = {
    1040: "the server has too many connections",
    1044: "the user may not use the database",
    1049: "the server has no such database",
    1129: "the server has blocked the host after failed connections (FLUSH HOSTS)",
    1130: "the server does not let that host connect",
    1226: "the user has too many connections (MAX_USER_CONNECTIONS and the like)",
    1820: "the user's password has expired",
    1862: "the user's password has expired",
    3118: "the user is locked (ACCOUNT LOCK)",
    3955: "the user is blocked after failed logins",
    4151: "the user is locked (ACCOUNT LOCK)",
    4163: "the user is blocked after failed logins",
}
"""Why a value could not be tried, in our words."""
_CAUSES: Tuple[Cause, ...] = (
    (("(1045, ", "(1698, "), "admin_user", "{0} refuses the admin login", "Check admin_user and admin_password, or admin_credential."),
    (("(1130, ", "(1129, "), "host", "{0} does not let that host connect", "Check the host part of the administrator's account."),
    (("SSL", "certificate", "PEM"), "ca_cert", "the TLS connection to {0} failed", "Check ca_cert, and whether the server offers TLS."),
    *NETWORK_CAUSES,
    (("(1040, ",), "host", "the server has too many connections", "Try again later."),
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`", re.DOTALL)
_GRANT = re.compile(r"GRANT (.+?) ON (.+?) TO ")
_PLUGIN = re.compile(r"IDENTIFIED (?:VIA|WITH) (.*?)(?: REQUIRE | WITH MAX| PASSWORD | ACCOUNT |$)")
_NAME = re.compile(r"(?:^| OR )['`]?(\w+)")
_CHANGES_READ_ONLY = ("SUPER", "READ ONLY ADMIN", "READ_ONLY ADMIN", "CONNECTION_ADMIN")
_OBSTACLES: Tuple[Tuple[str, str], ...] = (
    (r"ACCOUNT LOCK", "it is locked (ACCOUNT LOCK)"),
    (r"PASSWORD EXPIRE(?! (?:NEVER|DEFAULT|INTERVAL))", "its password has expired (PASSWORD EXPIRE)"),
    (r"MAX_USER_CONNECTIONS -1", "it may have no connection (MAX_USER_CONNECTIONS -1)"),
)
"""What SHOW CREATE USER has for a user that the server refuses with every password, and why."""
_NEEDS_CERTIFICATE = re.compile(r"REQUIRE (?:X509|ISSUER|SUBJECT)")
_NEEDS_TLS = re.compile(r"REQUIRE (?:SSL|CIPHER)")


class Account:
    """A user as the server describes it, and the login that read it."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        """Read the result of `READ_ACCOUNT`. Of a failed one, nothing is known."""
        rows: List[Sequence[Mapping[str, Any]]] = list(result.get("query_result") or ())
        self.is_known = not result.get("failed") and len(rows) == len(READ_ACCOUNT)
        first, variables, grants, text = rows if self.is_known else ([{}], [], [], [{}])
        self.login = str(first[0].get("account"))
        self.is_mariadb = "mariadb" in str(first[0].get("version")).lower()
        self._read_only = {str(row["Variable_name"]) for row in variables if row.get("Value") == "ON"}
        self._grants = [str(next(iter(row.values()))) for row in grants]
        written = str(next(iter(text[0].values()), ""))
        self._text = _QUOTED.sub("''", written)
        self.plugins = _find_plugins(written)

    def describe_missing_right(self) -> str:
        """Return why that login may not change another user's password, in words. Empty if it may, or if that is not known."""
        rights = self._find_rights()
        if rights is None:
            return ""
        is_all = "ALL PRIVILEGES" in rights
        if self._read_only and ("super_read_only" in self._read_only or not (is_all or rights & set(_CHANGES_READ_ONLY))):
            return _NEVER_CHANGES
        needed = {"UPDATE"} if self.is_mariadb else {"UPDATE", "CREATE USER"}
        return "" if is_all or rights & needed else "it lacks {0}".format(" or ".join(sorted(_NEEDED[each] for each in needed)))

    def _find_rights(self) -> Optional[Set[str]]:
        """Return the rights on everything and on the tables of the users; None if a role may hold more."""
        found: Set[str] = set()
        for grant in self._grants:
            matched = _GRANT.match(grant)
            if matched is None:
                return None
            if matched.group(2).replace("`", "") in ("*.*", "mysql.*"):
                found |= {right.strip() for right in matched.group(1).split(",")}
        return found

    def describe_obstacles(self, user: str, *, has_tls: bool, has_certificate: bool) -> str:
        """Return what makes the server refuse the user with every password, in words. Empty if nothing, or if nothing is known."""
        found = [why for pattern, why in _OBSTACLES if re.search(pattern, self._text)]
        if _NEEDS_CERTIFICATE.search(self._text) and not has_certificate:
            found.append("it needs a client certificate (REQUIRE X509; name 'client_cert' and 'client_key')")
        if _NEEDS_TLS.search(self._text) and not has_tls:
            found.append("it needs TLS (REQUIRE SSL; name 'ca_cert')")
        return "the server refuses the user '{0}' with every password: {1}".format(user, ", ".join(found)) if found else ""


_NEEDED: Mapping[str, str] = {"UPDATE": "UPDATE on mysql.*", "CREATE USER": "CREATE USER"}


def _find_plugins(text: str) -> Tuple[str, ...]:
    """Return the names of the ways to log in that SHOW CREATE USER has. Empty if it names none: then it is the oldest one."""
    without_values = re.sub(r"(?:USING|AS) (?:'(?:[^'\\]|\\.|'')*'|0x[0-9A-Fa-f]+)", "", text, flags=re.DOTALL)
    matched = _PLUGIN.search(without_values)
    return tuple(_NAME.findall(matched.group(1))) if matched else ()


def find_number(result: Mapping[str, Any]) -> int:
    """Return the number of the error that a failed module has; 0 if it has none."""
    found = _NUMBER.findall(str(result.get("msg") or ""))
    return int(found[-1]) if found else 0


def is_login_refused(result: Mapping[str, Any]) -> bool:
    """Whether the server refused the password with which the module logged in."""
    return _NOT_CONNECTED in str(result.get("msg") or "") and find_number(result) in _WRONG_PASSWORD


def check_account(result: Mapping[str, Any], user: str, login: str, install: str) -> Account:
    """Return the account that the result of `READ_ACCOUNT` describes.

    Args:
        result: what the module returned.
        user: the account that was looked for, as `'app'@'%'`.
        login: the administrator's user name and the server, for messages.
        install: the line that installs the library on the host.

    Raises:
        MissingLibrary: the host has no library for MySQL.
        Unavailable: the server cannot be reached, or refuses the admin login.
        AccessDenied: the administrator may not read the account.
        NotFound: the server has no such account.
    """
    text, number = str(result.get("msg") or ""), find_number(result)
    if _NO_LIBRARY in text:
        raise MissingLibrary("the host that reaches the server has no PyMySQL", remedy="Install it there: {0}".format(install))
    if _NOT_CONNECTED not in text and number in _DENIED:
        remedy = "Nothing was changed. Grant the administrator SELECT and UPDATE on mysql.*."
        raise AccessDenied(
            "the administrator may not read the user {0} ({1})".format(user, login), option="mysql.admin_user", remedy=remedy
        )
    if _NOT_CONNECTED not in text and number in _MISSING_ACCOUNT:
        remedy = "Nothing was changed. Create it first, or name its host part in 'account_host'."
        raise NotFound("the server has no user {0}".format(user), option="mysql.user", remedy=remedy)
    account = Account(result)
    if not account.is_known:
        raise login_error("mysql", "the MySQL or MariaDB server", text, login, _CAUSES)
    return account


def check_plugin(account: Account, user: str) -> None:
    """Check that the user logs in with a password that this target changes.

    Raises:
        InvalidInput: it logs in another way.
    """
    known = ("mysql_native_password",) if account.is_mariadb else ("caching_sha2_password", "mysql_native_password", "sha256_password")
    if not account.plugins or (len(account.plugins) == 1 and account.plugins[0] in known):
        return
    raise InvalidInput(
        "the user {0} logs in by {1}, whose passwords this target does not change".format(user, " or ".join(account.plugins)),
        option="mysql.user",
        remedy="Nothing was changed. This target changes: {0}.".format(", ".join(known)),
    )


def check_right(account: Account, admin: str) -> None:
    """Check that the administrator may change the user's password.

    Raises:
        AccessDenied: it may not, or the server takes no changes.
    """
    missing = account.describe_missing_right()
    if missing:
        remedy = "Nothing was changed. Grant that right, or name another administrator or the primary server."
        what = missing if missing == _NEVER_CHANGES else "'{0}' may not change the password of another user: {1}".format(admin, missing)
        raise AccessDenied(what, option="mysql.admin_user", remedy=remedy)


def send_outcome(result: Mapping[str, Any]) -> str:
    """Return the outcome of a change; unknown if it is not certain."""
    if result.get("unreachable"):
        return steps.UNKNOWN
    text, number = str(result.get("msg") or ""), find_number(result)
    if not result.get("failed"):
        return steps.APPLIED if result.get("executed_queries") else steps.UNKNOWN
    if _NOT_CONNECTED in text or _NO_LIBRARY in text:
        return steps.UNAVAILABLE
    return steps.UNKNOWN if number in _UNANSWERED or not number else steps.REFUSED


def describe_refused_send(result: Mapping[str, Any]) -> str:
    """Return why the server refused a change, in words of ours. Empty if nothing is known."""
    if find_number(result) == _FORBIDDEN and "--strict-password-validation" in str(result.get("msg")):
        return _WANTS_NO_HASH
    return _REFUSALS.get(find_number(result), "") if send_outcome(result) == steps.REFUSED else ""


def read_login(result: Mapping[str, Any]) -> Tuple[str, str]:
    """Return the outcome of a login (unavailable if it is not certain), and the account that the server took it for, if it was accepted."""
    if not result.get("failed") and result.get("query_result"):
        rows: Sequence[Sequence[Dict[str, Any]]] = result["query_result"]
        return steps.ACCEPTED, str(rows[0][0].get("account"))
    return steps.REFUSED if is_login_refused(result) else steps.UNAVAILABLE, ""


def describe_failed_probe(result: Mapping[str, Any]) -> str:
    """Return why a login could not be tried, in words of ours. Empty if nothing is known."""
    if "'cryptography' package is required" in str(result.get("msg") or ""):
        return "the task's host needs the Python package cryptography for this login without TLS"
    return _UNTRIED.get(find_number(result), "")
