# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A login to a database that is tried, by the engine's client library in a process of its own, which ends within the time that is left.

libpq waits for a name server, and Oracle's client for a silent server, without a limit; a process can be ended. Neither files of the user
nor variables of the environment count there: they could turn off the check of certificates, or bring another password.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidInput,
    LoginFailed,
    MissingLibrary,
    Package,
    Unavailable,
    check_packages,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.types import connection_string
from ansible_collections.nebula.credential.plugins.module_utils.types import database_programs as programs
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType

SECONDS = 30.0
"""The most seconds for one login."""
_MEMORY = 1024 * 1024 * 1024
"""Bytes that the process may have. The driver of SQL Server reserves much more than it uses."""
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")
_NOWHERE = "/nonexistent"
_WITHOUT_USER = ("redis",)
"""The engines that have a user without a name."""


def try_login(kind: CredentialType, parts: Mapping[str, Any], package: Package) -> None:
    """Log in to the database, and change nothing there. One login on each host of a list, until one responds.

    Args:
        kind: the type, for its refusals.
        parts: the fields, checked, with `pool` and `parameters` as mappings.
        package: the client library of the engine.

    Raises:
        LoginFailed: the server refuses the login, or has no such database for it.
        Unavailable, Timeout: the server cannot be reached, or not as `ssl_mode` demands.
        MissingLibrary: the client library is not installed.
        InvalidInput: the host or the user is not given, or the client does not know a parameter.
    """
    engine = parts["engine"]
    needed = ("host",) if engine in _WITHOUT_USER else ("host", "username")
    for field in needed:
        if not parts.get(field):
            kind.refuse(field, "is not given, so no login can be tried", "Give it, or leave 'check' out.")
    check_packages((package,))
    finding = _run(engine, parts)
    if finding["found"] != programs.OK:
        raise _describe(finding["found"], finding["code"], parts, package)


def _run(engine: str, parts: Mapping[str, Any]) -> Dict[str, str]:
    """Run the engine's program and return what it found."""
    seconds = min(SECONDS, deadline.remaining())
    authorities = next(filter(os.path.isfile, _AUTHORITIES), None)
    given = {
        "path": sys.path,
        "string": connection_string.build({name: value for name, value in parts.items() if name != "pool"}),
        "parts": {name: value for name, value in parts.items() if name != "pool"},
        "seconds": seconds,
        "memory": _MEMORY,
        "authorities": authorities,
    }
    environment = {"HOME": _NOWHERE, **({"SSL_CERT_FILE": authorities} if authorities else {})}
    try:
        finished = run_python(programs.BEGIN + programs.PROGRAMS[engine] + programs.END, given, environment, seconds, "-S")
    except TooSlow:
        raise deadline.timeout_error(server=_name_server(parts)) from None
    try:
        found: Dict[str, str] = json.loads(finished.output)
    except ValueError:
        found = {"found": programs.FAILED, "code": ""}
    return found


def _name_server(parts: Mapping[str, Any]) -> str:
    hosts, ports = connection_string.split_places(str(parts["host"]), str(parts.get("port", "")))
    return ", ".join(host + (" port " + port if port else "") for host, port in zip(hosts, ports))


def _describe(found: str, code: str, parts: Mapping[str, Any], package: Package) -> CredentialError:
    """Return the error for a login that was not made."""
    server = _name_server(parts)
    shown = " (code {0})".format(code) if code else ""
    if found == programs.REFUSED:
        remedy = "Check user and password, and that the user may log in to that database from this machine."
        return LoginFailed("{0} refuses the login{1}".format(server, shown), remedy=remedy)
    if found == programs.NO_DATABASE:
        what = "{0} has no database '{1}' for this user{2}".format(server, parts.get("database", ""), shown)
        return LoginFailed(what, option="fields.database", remedy="Check its name, and the right of the user to connect to it.")
    if found == programs.SETTINGS:
        what = "the client that tries the login ({0}) does not take {1}".format(package.module, ascii(code) if code else "a setting of it")
        remedy = "Check 'parameters' and the files that they name, or leave 'check' out."
        return InvalidInput(what, option="fields.parameters", remedy=remedy)
    if found == programs.OUTDATED:
        return MissingLibrary("{0} is too old for TLS that is required".format(package.module), remedy="Run: " + pip_install(package))
    return _describe_silence(found, server, shown)


def _describe_silence(found: str, server: str, shown: str) -> CredentialError:
    """Return the error for a server that says nothing of the login."""
    if found == programs.NO_TLS:
        remedy = "Check 'ssl_mode', that the server offers TLS, and that the authority of its certificate is known to this machine."
        return Unavailable("no TLS connection to {0} as 'ssl_mode' demands{1}".format(server, shown), remedy=remedy)
    if found == programs.UNREACHABLE:
        return Unavailable("{0} cannot be reached{1}".format(server, shown), remedy="Check 'host' and 'port', and that it runs.")
    what = "{0} does not take the login now{1}".format(server, shown)
    return Unavailable(what, remedy="Look into the log of the server. It may be starting, or have too many connections.")
