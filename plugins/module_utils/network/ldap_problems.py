# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results of an LDAP server mean, in words of ours."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap

WRONG_PASSWORD, NO_SUCH_USER = "52e", "525"
_OBSTACLES: Mapping[str, str] = {
    "530": "it may not log in at this time",
    "531": "it may not log in from this machine",
    "532": "its password has expired",
    "533": "it is disabled",
    "701": "it has expired",
    "773": "its password must be changed before the next login",
    "775": "it is locked after too many wrong passwords",
}
"""What Active Directory says of a login with any password, right or wrong (Microsoft's system error codes)."""


def is_wrong_login(problem: ldap.Problem) -> bool:
    """Return True if the server looked at user and password, and refused them."""
    return problem.at == ldap.AT_LOGIN and problem.code == ldap.INVALID_CREDENTIALS and problem.data not in _OBSTACLES


def find_obstacle(problem: ldap.Problem) -> str:
    """Return what makes Active Directory refuse the account with every password, in words. Empty if nothing is known."""
    return _OBSTACLES.get(problem.data, "") if problem.at == ldap.AT_LOGIN else ""


def describe_login(problem: ldap.Problem, server: ldap.Server) -> CredentialError:
    """Return the error for a connection or a login that failed.

    Returns:
        LoginFailed: the server refused it. Unavailable or Timeout: nothing is known of it.
    """
    obstacle = find_obstacle(problem)
    if obstacle:
        return LoginFailed("{0} refuses the account: {1}".format(server.url, obstacle), remedy="Mend the account in the directory.")
    if is_wrong_login(problem):
        remedy = "Check the name of the user and the password. Directories do not say which of the two is wrong."
        return LoginFailed("{0} refuses the login".format(server.url), remedy=remedy)
    if problem.code in ldap.NO_SUCH_MECHANISM:
        remedy = (
            "Name another one: a server lists its own as 'supportedSASLMechanisms'. This machine needs the module of Cyrus SASL for it."
        )
        return LoginFailed("the mechanism cannot be used with {0}".format(server.url), remedy=remedy)
    if problem.code in ldap.NEEDS_TLS:
        return LoginFailed("{0} takes logins over TLS alone".format(server.url), remedy="Use 'ldaps', or leave 'start_tls: false' out.")
    return describe_silence(problem, server)


def describe_silence(problem: ldap.Problem, server: ldap.Server) -> CredentialError:
    """Return the error for a server that did not do what was requested, for a reason that says nothing about the login."""
    if problem.code == ldap.TIMED_OUT:
        return deadline.timeout_error(outcome_unknown=problem.at != ldap.AT_LOGIN, server=server.url)
    if problem.code in ldap.UNREACHED:
        remedy = "Check the address, and that 'ca_cert' is the authority of a certificate for that host name."
        return Unavailable("{0} cannot be reached, or its certificate is not trusted".format(server.url), remedy=remedy)
    what = "{0} does not serve the request now (result {1})".format(server.url, problem.code)
    return Unavailable(what, remedy="Look into the log of the server.")
