# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`doctor`: which configuration, store, key and login are used, what is wrong, and what to do."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible import constants
from ansible.release import __version__

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_key import PRESENT
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, as_credential_error
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK, TROUBLE
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import write_json, write_table
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import (
    FILE_NAME,
    find_configuration,
    find_unused,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.credential_files import ENDING, OF_GROUPS, OF_HOSTS
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import choose_store
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.report import VARS_PLUGIN, reads_vars_files
from ansible_collections.nebula.credential.plugins.plugin_utils.session.linger import end_sessions, list_sessions

GOOD, NOTE, WRONG = "ok", "note", "wrong"
COLLECTION = Path(__file__).resolve().parents[3]
_HEALTHY = "healthy"
_KEY_FILE = "key_file"


class Finding(NamedTuple):
    """What was looked at, how it is, what was found, and what to do."""

    topic: str
    state: str
    found: str
    remedy: str = ""


def examine(invocation: Invocation) -> int:
    """Look at everything that a read needs. What fails is a finding, and what does not depend on it is looked at all the same."""
    if invocation.arguments.forget:
        return _forget_sessions(invocation)
    findings = [*_examine_programs(), *_examine_files(invocation), *_examine_vars_files(), *_examine_sessions()]
    try:
        findings += [*_describe_store(invocation), *_examine_store(invocation)]
    except Exception as error:  # noqa: BLE001  # the edge: every failure is a finding
        findings.append(_describe_error("store", error))
    if invocation.arguments.json:
        write_json([finding._asdict() for finding in findings])
    else:
        write_table(("topic", "state", "found"), [finding[:3] for finding in findings])
        for finding in findings:
            if finding.remedy:
                print("{0}: {1}".format(finding.topic, finding.remedy))
    return TROUBLE if any(finding.state == WRONG for finding in findings) else OK


def _forget_sessions(invocation: Invocation) -> int:
    ended = end_sessions()
    if invocation.arguments.json:
        write_json({"sessions_ended": ended})
    else:
        print("Sessions that kept logins between runs, and were ended: {0}".format(ended))
    return OK


def _examine_sessions() -> Iterator[Finding]:
    number = len(list_sessions())
    if number:
        remedy = "nebula-credential doctor --forget ends those that wait for a run at once, and the others with their runs."
        yield Finding("session", NOTE, "{0} that keep logins and keys for the next run ('session.linger')".format(number), remedy)


def _examine_programs() -> Iterator[Finding]:
    yield Finding("collection", GOOD, str(COLLECTION))
    yield Finding("programs", GOOD, "Python {0}, ansible-core {1}".format(platform.python_version(), __version__))


def _examine_files(invocation: Invocation) -> Iterator[Finding]:
    yield Finding("ansible.cfg", GOOD, constants.CONFIG_FILE or "none")
    try:
        used = find_configuration(invocation.around.environment, invocation.around.ansible_cfg)
    except CredentialError as error:
        yield _describe_error(FILE_NAME, error)
        return
    yield Finding(FILE_NAME, GOOD, used or "none: the store is a directory in your home, unless a variable says otherwise")
    unused = find_unused(used)
    if unused is not None:
        remedy = "Put an ansible.cfg beside it, or name it in NEBULA_CREDENTIAL_CONFIG."
        yield Finding(FILE_NAME, NOTE, "{0} is not used".format(unused), remedy)


def _describe_store(invocation: Invocation) -> Iterator[Finding]:
    store = invocation.store
    named, place = ("--store", "--store") if invocation.arguments.store is not None else choose_store(invocation.around)
    by = place if named is not None else ("its default" if store.file else "no configuration")
    yield Finding("store", GOOD, "{0} (chosen by {1}), backend {2}".format(store.name, by, store.config.get("backend")))
    traits = read_traits(store.config.get("backend"))
    endings = ("", FROM_FILE, FROM_VARIABLE)
    written = [login + end for login in traits.login for end in endings if read_part(store.config, login + end) is not None]
    set_variables = [name for login in traits.login for name in traits.environment.get(login, ()) if os.environ.get(name)]
    if traits.login:
        yield Finding("login", GOOD, ", ".join([*written, *set_variables]) or "none written: the default one of the service")


def _examine_store(invocation: Invocation) -> Iterator[Finding]:
    result = invocation.perform("store_info", {"metrics": False}).result
    health = result["health"]
    is_healthy = health["status"] == _HEALTHY
    yield Finding("health", GOOD if is_healthy else WRONG, "; ".join([health["status"], *health["reasons"]]))
    if health["code"] is None:
        yield _examine_key(invocation)
        yield _count_credentials(invocation)


def _count_credentials(invocation: Invocation) -> Finding:
    """Count what can be listed. A login that may read names and not list them is one that many plays have."""
    try:
        return Finding("credentials", GOOD, str(len(invocation.perform("find", {}).result["credentials"])))
    except CredentialError as error:
        return _describe_error("credentials", error)._replace(state=NOTE)


def _examine_key(invocation: Invocation) -> Finding:
    """Open the key, and name what opens it. Nothing is changed."""
    try:
        key = invocation.perform("store_key", {"state": PRESENT}, check_mode=True).result["key"]
    except InvalidInput:
        return Finding("key", GOOD, "none: the store keeps what its own users expect, and the collection encrypts nothing in it")
    except CredentialError as error:
        return _describe_error("key", error)
    sources = ", ".join(str(source["name"]) for source in key["sources"])
    files = _list_key_files(invocation.store.config, key["default_key_file"])
    if key["sources"] and files:
        sources += " (the file {0})".format(", ".join(files))
    return Finding("key", GOOD, "{0}, opened by {1}".format(key["key_id"] or "not made yet: the first write does it", sources))


def _list_key_files(config: Mapping[str, Any], default: str | None) -> list[str]:
    """Return the key files that the configuration names, or means if it names none."""
    sources = config.get("key_sources") or [{"source": _KEY_FILE}]
    paths = [each.get("path") or default for each in sources if isinstance(each, Mapping) and each.get("source") == _KEY_FILE]
    return [str(path) for path in paths if path]


def _describe_error(topic: str, error: Exception) -> Finding:
    found = as_credential_error(error)
    remedy, found.remedy = found.remedy, ""
    return Finding(topic, WRONG, "{0} [code: {1}]".format(found, found.code), remedy)


def _examine_vars_files() -> Iterator[Finding]:
    """Report the files of the vars plugin if it is not enabled: nothing would read them, without a word."""
    places = {Path.cwd(), *(Path(each).resolve().parent for each in constants.DEFAULT_HOST_LIST or ())}
    files = [file for place in sorted(places) for folder in (OF_GROUPS, OF_HOSTS) for file in sorted((place / folder).rglob("*" + ENDING))]
    if not files:
        return
    shown = "{0} files of variables, the first is {1}".format(len(files), files[0])
    if reads_vars_files():
        yield Finding("variables", GOOD, shown)
        return
    remedy = "Write into ansible.cfg under [defaults]: vars_plugins_enabled = host_group_vars, {0}".format(VARS_PLUGIN)
    yield Finding("variables", WRONG, "{0}: not read, because {1} is not enabled".format(shown, VARS_PLUGIN), remedy)
