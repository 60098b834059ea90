# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ls`, `get`, `history`, `diff` and `env`: what is stored."""

from __future__ import annotations

import argparse
import base64
import shlex
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, NotFound
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation, read_pairs
from ansible_collections.nebula.credential.plugins.plugin_utils.command.named_values import list_names, read_named, read_values
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import (
    CLEARED_AFTER,
    check_may_show,
    copy_to_clipboard,
    write_json,
    write_table,
    write_value,
)

COLUMNS = ("name", "type", "version", "state", "expires_at", "description")
DOTENV, SHELL, JSON = "dotenv", "shell", "json"


def list_credentials(invocation: Invocation) -> int:
    """List credentials by their metadata."""
    given = invocation.arguments
    filters = {
        "prefix": given.prefix,
        "type": given.type,
        "tags": read_pairs(given.tag, "--tag") or None,
        "expires_within": given.expires_within,
    }
    rows = invocation.perform("find", {name: value for name, value in filters.items() if value is not None}).result["credentials"]
    if given.json:
        write_json(rows)
    elif given.long:
        write_table(COLUMNS, ([row[column] for column in COLUMNS] for row in rows))
    else:
        write_table(("name",), ([row["name"]] for row in rows))
    return OK


def get(invocation: Invocation) -> int:
    """Read one credential, and write its value where the command line says."""
    given = invocation.arguments
    _check_copy(given)
    if not given.copy:
        check_may_show(given.show)
    asked = {"name": given.name, "version": given.version, "stage": given.stage, "field": given.field}
    if given.fields:
        asked.update(field=None, fields=True)
    try:
        result = invocation.perform("get", {**asked, "encoding": "base64" if given.base64 or given.raw else "text"}).result
    except InvalidToken as error:
        if "base64" in error.remedy:
            error.remedy = "Use --raw, into a file or a pipe, or --base64."
        raise
    if given.json or given.fields:
        write_json(result if given.json else result["value"])
        return OK
    value = base64.b64decode(result["value"]) if given.raw else result["value"].encode("utf-8")
    if given.copy:
        invocation.close()
        copy_to_clipboard(value, CLEARED_AFTER if given.clear_after is None else given.clear_after)
    else:
        write_value(value, is_raw=given.raw)
    return OK


def _check_copy(given: argparse.Namespace) -> None:
    """Check the options about the clipboard.

    Raises:
        InvalidInput: one of them does not go with another option: JSON would be printed, to the terminal as well.
    """
    if given.copy and (given.fields or given.json):
        raise InvalidInput("one value is copied, not JSON", option="--copy", remedy="Leave out --fields and --json; --field names a field.")
    if given.clear_after is not None and (not given.copy or given.clear_after < 0):
        raise InvalidInput("it is how many seconds --copy keeps a value", option="--clear-after", remedy="Give --copy, and 0 or more.")


def show_history(invocation: Invocation) -> int:
    """List the versions of a credential that can be read, the newest first."""
    row = describe(invocation, invocation.arguments.name, versions=True)
    if invocation.arguments.json:
        write_json(row)
        return OK
    columns = ("version", "created_at", "current")
    write_table(columns, ([each["version"], each["created_at"], "current" if each["current"] else ""] for each in row["versions"]))
    return OK


def describe(invocation: Invocation, name: str, *, versions: bool = False) -> dict[str, Any]:
    """Return the metadata of a credential.

    Raises:
        NotFound: there is none of that name.
    """
    result = invocation.perform("credential_info", {"name": name, "versions": versions}).result
    if result["missing"]:
        remedy = "See the names with 'ls'."
        raise NotFound("there is no such credential", name=name, store=invocation.store.name, remedy=remedy)
    return dict(result["credentials"][0])


def show_differences(invocation: Invocation) -> int:
    """Name the fields in which two versions differ. Without versions: the current one and the one before it."""
    given = invocation.arguments
    old, new = given.old, given.new
    if old is None or new is None:
        kept = [each["version"] for each in describe(invocation, given.name, versions=True)["versions"]]
        new = new or kept[0]
        old = old or next((version for version in kept if version != new), None)
    if old is None:
        raise NotFound("it has one version", name=given.name, remedy="There is nothing that it could be compared with.")
    changes = _compare(_read_fields(invocation, given.name, old), _read_fields(invocation, given.name, new))
    if given.json:
        write_json({"name": given.name, "old": old, "new": new, "fields": changes})
        return OK
    print("{0} {1} -> {2}{3}".format(given.name, old, new, "" if changes else ": no field differs"))
    write_table(("field", "change"), changes.items())
    return OK


def _read_fields(invocation: Invocation, name: str, version: str) -> Mapping[str, str]:
    value = invocation.perform("get", {"name": name, "version": version, "fields": True, "encoding": "base64"}).result["value"]
    return dict(value)


def _compare(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return what happened to each field that differs. No value is in it."""
    changes = {}
    for field in sorted({*old, *new}):
        if field not in old:
            changes[field] = "added"
        elif field not in new:
            changes[field] = "removed"
        elif old[field] != new[field]:
            changes[field] = "changed"
    return changes


def write_environment(invocation: Invocation) -> int:
    """Write the values of credentials as variables, in a format that other programs read."""
    given = invocation.arguments
    named = read_named([*given.names, *(list_names(invocation, given.prefix) if given.prefix is not None else ())])
    if not named:
        raise InvalidInput("no credential is named", remedy="Write names, or --prefix.")
    check_may_show(given.show)
    values = read_values(invocation, named)
    form = JSON if given.json else given.format
    if form == JSON:
        write_json(values)
        return OK
    # All of it, or nothing.
    lines = [_LINES[form](variable, value) for variable, value in values.items()]
    write_value("\n".join(lines).encode("utf-8"), is_raw=False)
    return OK


def _write_dotenv(variable: str, value: str) -> str:
    """Return the line of a dotenv file.

    Its readers agree on single quotes, and on little else: in them python-dotenv replaces `${…}`, some read a backslash as one that hides
    what follows, and most make a line feed of a carriage return.

    Raises:
        InvalidToken: the value cannot be written so that each of them reads the same.
    """
    if "'" in value or "${" in value or "\\\\" in value or value.endswith("\\") or "\r" in value:
        what = "the value of {0} has a quote, a backslash, a carriage return or '${{', which readers of dotenv files do not read alike"
        raise InvalidToken(what.format(variable), remedy="Use '--format shell' or '--format json'.")
    return "{0}='{1}'".format(variable, value)


def _write_shell(variable: str, value: str) -> str:
    return "export {0}={1}".format(variable, shlex.quote(value))


_LINES = {DOTENV: _write_dotenv, SHELL: _write_shell}
FORMATS = (DOTENV, SHELL, JSON)
