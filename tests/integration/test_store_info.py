# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `store_info`, and the use of credentials, in real runs."""

from __future__ import annotations

import json
import os
import stat

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from tests.backends.discovery import HARNESSES

CANARY = "canary-" + os.urandom(6).hex()
NAME = "app/a-telling_name"
STORE = "{backend: local, path: '{{ playbook_dir }}/store', metrics_path: '{{ playbook_dir }}/metrics.json'}"
VARIABLES = "{{canary: '{0}', wanted: '{1}', nebula_credential_store: team, nebula_credential_stores: {{team: {2}}}}}".format(
    CANARY, NAME, STORE
)

USE = """
- nebula.credential.credential: {name: "{{ wanted }}", value: "{{ canary }}"}
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', wanted) == canary"}
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', wanted) == canary"}
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'not/there', on_missing='skip') == []"}
"""


@pytest.mark.parametrize(("session", "reads"), [("false", 2), ("true", 1)])
def test_the_numbers_of_all_tasks_are_told_and_name_nobody(project, session, reads):
    """Each task is a process of its own, and so is each of the lookups in them; a session reads once."""
    project.play(USE, variables=VARIABLES, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    run = project.play("- {name: told, nebula.credential.store_info: {prometheus: true}}", "-vvv", variables=VARIABLES).succeeded()
    told = run.result("told")
    assert told["changed"] is False
    assert told["metrics"]["operations"]["put"] == {"ok": 1}
    assert told["metrics"]["operations"]["get"]["ok"] >= reads
    families = {family.name: family for family in text_string_to_metric_families(told["prometheus"])}
    counts = {tuple(sample.labels.values()): sample.value for sample in families["nebula_credential_operations"].samples}
    assert sum(counts.values()) == sum(sum(results.values()) for results in told["metrics"]["operations"].values())
    file = project.directory / "metrics.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for text in (json.dumps(told["metrics"]), told["prometheus"], file.read_text()):
        assert NAME not in text
    assert CANARY not in run.output + file.read_text()


def test_an_unhealthy_store_is_told_and_the_play_decides(project):
    (project.directory / "store").mkdir()
    (project.directory / "store").chmod(0o755)
    tasks = """
- {name: told, nebula.credential.store_info: {}, register: known}
- name: go on only if it can be used
  ansible.builtin.assert: {that: "known.health.status != 'unhealthy'", fail_msg: "{{ known.health.reasons | join('; ') }}"}
"""
    run = project.play(tasks, variables=VARIABLES)
    assert "chmod 700" in run.failed()
    told = run.result("told")
    assert (told["failed"], told["changed"], told["health"]["code"]) == (False, False, "insecure_permissions")


def test_a_store_whose_key_is_gone_is_unhealthy(project, home):
    project.play(USE, variables=VARIABLES).succeeded()
    (key,) = (home / ".config" / "nebula" / "keys").glob("*.key")
    key.unlink()
    told = project.play("- {name: told, nebula.credential.store_info: {}}", variables=VARIABLES).succeeded().result("told")
    assert (told["health"]["status"], told["health"]["code"]) == ("unhealthy", "missing_key")


def test_a_mistake_in_the_configuration_fails(project):
    run = project.play("- {name: told, nebula.credential.store_info: {store: {backend: local, pth: x}}}", variables=VARIABLES)
    assert "there is no such option" in run.failed()
    assert run.result("told")["code"] == "invalid_configuration"


def test_check_mode_and_the_target_tell_the_same(project):
    project.play(USE, variables=VARIABLES).succeeded()
    key = project.directory / "store.key"
    store = "{backend: local, path: '{{ playbook_dir }}/other', key_sources: [{source: key_file, path: '" + str(key) + "'}]}"
    tasks = """
- {name: here, nebula.credential.store_info: {store: "{{ other }}"}}
- {name: checked, check_mode: true, nebula.credential.store_info: {store: "{{ other }}"}}
- {name: there, nebula.credential.store_info: {store: "{{ other }}", run_on: target}}
"""
    run = project.play(tasks, variables=VARIABLES[:-1] + ", other: " + store + "}").succeeded()
    told = [run.result(task) for task in ("here", "checked", "there")]
    for result in told:
        assert result["health"]["status"] == "healthy"
        assert result["changed"] is False
        assert result["capabilities"] == told[0]["capabilities"]


def test_a_store_that_cannot_be_opened_on_the_target_is_unhealthy_too(project):
    (project.directory / "store").mkdir()
    (project.directory / "store").chmod(0o755)
    store = "{{backend: local, path: '{0}/store', key_sources: [{{source: key_file, path: '{0}/k.key'}}]}}".format(project.directory)
    task = "- {{name: told, nebula.credential.store_info: {{run_on: target, store: {0}}}}}".format(store)
    told = project.play(task).succeeded().result("told")
    assert (told["health"]["status"], told["health"]["code"]) == ("unhealthy", "insecure_permissions")


def test_who_used_a_credential_last_is_told(project):
    project.play(USE, variables=VARIABLES).succeeded()
    task = "- {name: told, nebula.credential.credential_info: {name: '{{ wanted }}', usage: true, query: '[].usage'}}"
    told = project.play(task, variables=VARIABLES).succeeded().result("told")
    (usage,) = told["credentials"]
    assert usage["uses"] == 2
    assert (usage["last_used"]["operation"], usage["last_used"]["host"]) == ("get", "localhost")
    assert (told["usage"]["complete"], told["usage"]["reason"]) == (True, None)


UNREACHABLE = [name for name, harness in HARNESSES.items() if harness.unreachable]


@pytest.mark.parametrize("audit", ["strict", pytest.param("batched", marks=pytest.mark.long)])
@pytest.mark.parametrize("backend", UNREACHABLE)
def test_a_server_that_is_not_there_is_an_answer(project, backend, audit):
    """Opening the store makes no request, and neither the key nor the audit trail keep the answer back."""
    encrypt = backend_class(backend).capabilities.envelopes
    store = {"backend": backend, **HARNESSES[backend].unreachable(CANARY), "encrypt": encrypt, "audit": audit}
    variables = json.dumps({"dead": store})
    run = project.play("- {name: told, nebula.credential.store_info: {store: '{{ dead }}'}}", "-vvv", variables=variables).succeeded()
    told = run.result("told")
    assert (told["health"]["status"], told["health"]["code"], told["capabilities"]["remote"]) == ("unhealthy", "unavailable", True)
    assert CANARY not in run.output
