# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `deploy`: it reads the credentials, renders the files, and sends the host what differs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import ABSENT, DEPLOY, list_files
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployed_files import RECORD, describe_written, record_files
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployment import Deployment, File
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import Renderer, build_content, list_sources
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import read_answers
from ansible_collections.nebula.credential.plugins.plugin_utils.session.reads import list_reads, list_secrets


class ActionModule(CredentialAction):
    """Performs `deploy`: reads on the controller, and writes on the task's host."""

    operation = "deploy"
    specification = DEPLOY

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Read the credentials, render the files and bring them to the host."""
        described = list_files(parameters)
        wanted = {place: file for place, file in described.items() if file["state"] != ABSENT}
        sources = [source for place, file in wanted.items() for source in list_sources(file, place)]
        ask = partial(self._read, store, parameters.get("scope"), variables)
        answers, read = read_answers(sources, ask)
        left, renderer = iter(answers), Renderer(self, variables)
        contents = {place: build_content(file, place, left, renderer) for place, file in wanted.items()}
        deployment = Deployment(self, variables, [File(file, contents.get(place)) for place, file in described.items()])
        result, secrets = deployment.carry_out(), (*read.secrets, *list_secrets(list_reads()))
        if parameters["record"] and not self._task.check_mode:
            files = describe_written(self, variables, deployment.files, deployment.found, secrets)
            record_files(lambda asked: self.ask(store, RECORD, {**asked, "scope": parameters.get("scope")}, variables), files)
        return Outcome(result, secrets)

    def _read(self, store: StoreReference, scope: Any, variables: Mapping[str, Any], asked: Mapping[str, Any]) -> Outcome:
        return self.ask(store, self.operation, {**asked, "scope": scope}, variables)
