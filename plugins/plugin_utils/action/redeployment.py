# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the files of hosts anew that hold an old version of a credential, as `deploy` has recorded them, and no others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import DEPLOY, PRESENT, list_files
from ansible_collections.nebula.credential.plugins.module_utils.errors import RotationFailed, Unavailable, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployed_files import (
    RECORD,
    describe_written,
    find_controller,
    forget_file,
    record_files,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployment import Deployment, File
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import Renderer, build_content, list_sources
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner, within_limit
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import read_answers
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

LIST, _READ = "list_deployments", "deploy"
Ask = Callable[[str, Mapping[str, Any]], Outcome]
"""Performs an operation of that name on the store."""
_Described = Mapping[str, Any]
"""A file as `list_deployments` returns it."""


class Redeployment:
    """Brings the current values of credentials to the files that hold old ones."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any], ask: Ask, limit: float) -> None:
        """Set the task's action, its variables, what performs operations, and the seconds that each host has."""
        self._runner = HostRunner(action, variables)
        self._ask = ask
        self._limit = limit

    def carry_out(self, names: Sequence[str]) -> None:
        """Write the files anew, host by host. One that fails stops no other.

        Raises:
            RotationFailed: some still hold an old version. The error names their hosts and the reasons; the next run continues there.
            InvalidConfiguration: no key authenticates what the store has recorded.
        """
        listed = self._ask(LIST, {"names": list(names)}).result["credentials"]
        by_host: dict[str, dict[str, _Described]] = defaultdict(dict)
        for credential in listed:
            for file in credential["files"]:
                if file["version"] != credential["version"]:
                    by_host[file["host"]][file["dest"]] = file
        try:
            problems = [problem for host, files in sorted(by_host.items()) for problem in self._redeploy(host, files)]
        finally:
            self._runner.close()
        if problems:
            shown = "; ".join(problems[:NAMED]) + ("; …" if len(problems) > NAMED else "")
            what = "{0} files still hold an old version: {1}".format(len(problems), shown)
            raise RotationFailed(what, remedy="Correct it and run it again, or run the play that writes them.")

    def _redeploy(self, host: str, files: Mapping[str, _Described]) -> list[str]:
        """Write the files of one host anew. Return what went wrong, with the place."""
        problems = {dest: str(file["why"]) for dest, file in files.items() if not file["how"]}
        try:
            self._write(host, [file for dest, file in files.items() if dest not in problems])
        except Exception as error:  # noqa: BLE001  # one host stops no other, whatever it answers
            reason = str(error if isinstance(error, UserMessage) else as_credential_error(error))
            problems.update({dest: reason for dest in files if dest not in problems})
        return ["{0} on {1}: {2}".format(dest, host, problem) for dest, problem in sorted(problems.items())]

    def _write(self, host: str, files: Sequence[_Described]) -> None:
        """Write the files of one host.

        Raises:
            CredentialError: they were not written.
        """
        if not files:
            return
        if not self._runner.has(host):
            raise Unavailable("the inventory has no such host; one that is gone for good leaves the record by phase 'forget'")
        runner = self._runner.at(host)
        here = find_controller(runner.action)
        other = next((str(file["controller"]) for file in files if file["controller"] != here), None)
        if other is not None:
            what = "it was written {0}, and this run would write it {1}"
            raise Unavailable(what.format(_describe_way(other), _describe_way(here)))
        options = [_read_options(file) for file in files]
        try:
            with within_limit(self._limit):
                self._bring(runner.action, runner.variables, options)
        except TimeoutError:
            raise Unavailable("there was no response within {0:.0f} s".format(self._limit)) from None
        except AnsibleError:
            raise Unavailable("the host cannot be reached") from None

    def _bring(self, action: ActionBase, variables: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> None:
        answers, read = read_answers([each for file in files for each in list_sources(file, "")], lambda asked: self._ask(_READ, asked))
        left, renderer = iter(answers), Renderer(action, variables)
        wanted = [File(file, build_content(file, "", left, renderer)) for file in files]
        found = Deployment(action, variables, wanted).compare()
        stay = [file for file, row in zip(wanted, found) if _is_still_ours(file, row)]
        gone = [forget_file(action, variables, file) for file in wanted if file not in stay]
        written: list[dict[str, Any]] = []
        try:
            if stay:
                deployment = Deployment(action, variables, stay)
                deployment.carry_out()
                written = describe_written(action, variables, stay, deployment.found, read.secrets)
        finally:
            record_files(lambda asked: self._ask(RECORD, asked), [*gone, *written])


def _describe_way(controller: str) -> str:
    return "on the controller {0}, by a local connection".format(ascii(controller)) if controller else "on the host, by a connection to it"


def _is_still_ours(file: File, row: Mapping[str, Any]) -> bool:
    """Whether a file is there, and holds the credentials that were recorded. Else somebody has removed or replaced it, and it stays so."""
    versions = {} if file.content is None else file.content.versions
    return row["before"] is not None and set(row["versions"]) in (set(), set(versions))


def _read_options(file: _Described) -> Mapping[str, Any]:
    """Return the options of a recorded file, checked like those of a task.

    Raises:
        CredentialError, UserMessage: they are not valid.
    """
    parameters = validate({**file["how"], "dest": file["dest"], "state": PRESENT}, DEPLOY, _READ)
    return next(iter(list_files(parameters).values()))
