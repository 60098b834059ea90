# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what a run mentions, one batch for each store, and say what it could not use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants, context

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mention, Mentions, Place
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.scan import Scan

Ask = Callable[[str | None, Sequence[str]], Mapping[str, Any]]
"""Performs the operation `preflight` on a store (None for the default one), and returns its result."""
VARS_PLUGIN = "nebula.credential.credentials"
_NOT_READ = "Ansible does not read this file: 'vars_plugins_enabled' does not name {0}".format(VARS_PLUGIN)
UNREADABLE = "unreadable"
ABSENT = ("missing", "expired")
"""What a `default`, a `fallback` or an `on_missing` is an answer to."""


def search(playbooks: Iterable[str], roles_path: Iterable[str] = (), inventories: Iterable[str] = ()) -> Mentions:
    """Return what the files of playbooks mention, and the variables beside the inventories: without any, those of this run.

    Raises:
        InvalidInput: a playbook is not there.
    """
    scan = Scan(map(Path, (*roles_path, *constants.DEFAULT_ROLES_PATH)), map(Path, constants.COLLECTIONS_PATHS))
    for each in playbooks:
        path = Path(each)
        if not path.is_file():
            raise InvalidInput("there is no file {0}".format(each), option="playbooks", remedy="Name playbooks of this machine.")
        scan.search_playbook(path)
    for source in inventories or context.CLIARGS.get("inventory") or constants.DEFAULT_HOST_LIST or ():
        if "," not in source:
            scan.search_variables(Path(source) if Path(source).is_dir() else Path(source).parent)
    if not reads_vars_files():
        scan.found.untold += [(Place(file, 1), _NOT_READ) for file in scan.found.vars_files]
    return scan.found


def reads_vars_files() -> bool:
    """Return True if Ansible reads the files of the vars plugin: it does nothing until it is enabled."""
    return VARS_PLUGIN in constants.config.get_config_value("VARIABLE_PLUGINS_ENABLED")


def list_playbooks() -> list[str]:
    """Return the playbooks of this run, from its command line; none in another program."""
    return [str(each) for each in context.CLIARGS.get("args") or () if isinstance(each, str) and Path(each).is_file()]


def build_report(found: Mentions, ask: Ask) -> dict[str, Any]:
    """Return `{changed, checked, files, problems, untold}`.

    Each problem has `name`, `store`, `state`, `message` and `places`, each place without a name `place` and `reason`.
    """
    problems: list[dict[str, Any]] = []
    checked = 0
    for store in found.list_stores():
        mentions = found.find_places(store)
        result = _ask(ask, store, sorted(mentions))
        checked += result["checked"]
        problems += [
            _build_problem(row, store, mentions[row["name"]])
            for row in result["problems"]
            if not _is_expected(row, store, mentions[row["name"]], found)
        ]
    untold = [{"place": str(place), "reason": why} for place, why in sorted(set(found.untold))]
    return {"changed": False, "checked": checked, "files": len(found.files), "problems": problems, "untold": untold}


def _ask(ask: Ask, store: str | None, names: Sequence[str]) -> Mapping[str, Any]:
    """Return what the operation returns. Of a store that cannot be opened each name is a problem, so that the others are checked.

    Raises:
        CredentialError: it is the default store.
        InvalidInput: an option of the check itself is wrong.
    """
    try:
        return ask(store, names)
    except CredentialError as error:
        if store is None or (isinstance(error, InvalidInput) and not isinstance(error, InvalidConfiguration)):
            raise
        problem = {"state": UNREADABLE, "code": error.code, "message": str(error)}
        return {"checked": len(names), "problems": [{"name": name, **problem} for name in names]}


def _is_expected(row: Mapping[str, Any], store: str | None, mentions: Sequence[Mention], found: Mentions) -> bool:
    """Return True if the run has an answer: it makes the credential, or each place that reads it says what then."""
    is_made = row["state"] == "missing" and (row["name"], store) in found.made
    return is_made or (row["state"] in ABSENT and all(each.is_optional for each in mentions))


def _build_problem(row: Mapping[str, Any], store: str | None, mentions: Sequence[Mention]) -> dict[str, Any]:
    places = list(dict.fromkeys(str(each.place) for each in mentions))
    return {**row, "store": store, "places": places}


def describe(report: Mapping[str, Any]) -> str:
    """Return the message about a report with problems: the first ones, each with a place."""
    problems = report["problems"]
    shown = ["'{name}' ({state}): {message}, in {place}".format(**each, place=each["places"][0]) for each in problems[:NAMED]]
    more = " and {0} more".format(len(problems) - NAMED) if len(problems) > NAMED else ""
    return "{0} of {1} credentials cannot be used: {2}{3}".format(len(problems), report["checked"], "; ".join(shown), more)
