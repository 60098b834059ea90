# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that makes credential types, templates, a schedule and a workflow in AWX, through the modules of awx.awx."""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest
import yaml

from tests.conftest import CHECKOUT, COLLECTION_ROOT
from tests.servers import awx

EXAMPLES = CHECKOUT / "docs" / "examples" / "awx"

NEBULA = """default: prod
stores:
  prod: {backend: vault, url: "https://vault.example.com", auth: {method: token, token_env: NEBULA_STORE_SECRET}}
"""
SECRET = "hvs.canary-login"
GIVEN = {
    "awx_configuration": NEBULA,
    "awx_project": "credentials",
    "awx_secret": SECRET,
    "awx_notification": {"notification_type": "webhook", "notification_configuration": {"url": "https://chat.example.com", "headers": {}}},
}


@pytest.fixture
def controller() -> Iterator[awx.Controller]:
    with awx.running() as made:
        yield made


def run(project: Any, controller: awx.Controller, *arguments: str, **changes: Any) -> Any:
    given = project.write("awx.json", json.dumps({**GIVEN, **changes}))
    login = {"CONTROLLER_HOST": controller.url, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": controller.password}
    return project.run("ansible-playbook", "nebula.credential.awx", "-e", "@" + str(given), *arguments, **login)


def test_the_playbook_makes_everything_a_second_run_changes_nothing_and_a_third_what_was_changed(
    project: Any, controller: awx.Controller
) -> None:
    first = run(project, controller).succeeded()
    assert SECRET not in first.output
    templates = [each["name"] for each in controller.objects["job_templates"].values()]
    assert templates == ["Nebula provision", "Nebula plan a rotation", "Nebula rotate", "Nebula migrate"]
    assert controller.find("job_templates", "Nebula plan a rotation")["job_type"] == "check"
    store, login = controller.find("credentials", "Nebula store"), controller.find("credentials", "Nebula login")
    assert store["inputs"] == {"configuration": NEBULA}
    assert login["inputs"] == {"secret": SECRET}
    rotate = controller.find("job_templates", "Nebula rotate")
    assert controller.associated["job_templates", rotate["id"], "credentials"] == [store["id"], login["id"]]
    assert controller.find("schedules", "Nebula rotation")["unified_job_template"] == rotate["id"]
    plan, approve, last = (controller.find("workflow_job_template_nodes", name) for name in ("plan", "approve", "rotate"))
    assert controller.associated["workflow_job_template_nodes", plan["id"], "success_nodes"] == [approve["id"]]
    assert controller.associated["workflow_job_template_nodes", approve["id"], "success_nodes"] == [last["id"]]
    assert approve["unified_job_template"] in controller.objects["workflow_approval_templates"]
    for kind in controller.objects["credential_types"].values():
        assert "extra_vars" not in kind["injectors"]
    assert controller.find("schedules", "Nebula rotation")["extra_data"] == {"rotate_only_due": "true"}
    before = json.dumps(controller.objects, sort_keys=True)
    second = run(project, controller, awx_secret="hvs.other").succeeded()
    assert [each["task"] for each in second.results if each["result"].get("changed")] == []
    assert json.dumps(controller.objects, sort_keys=True) == before
    run(project, controller, awx_configuration="default: local\n", awx_secret="hvs.other", awx_update_secrets=True).succeeded()
    assert store["inputs"] == {"configuration": "default: local\n"}
    assert login["inputs"] == {"secret": "hvs.other"}


def test_a_variable_that_the_role_does_not_have_is_refused_before_anything_is_made(project: Any, controller: awx.Controller) -> None:
    message = run(project, controller, awx_organisation="Default").failed()
    assert "the role has no variable 'awx_organisation' (did you mean 'awx_organization'?)" in message
    assert controller.changes == []


def test_the_context_of_an_execution_environment_is_written_and_holds_what_the_collection_needs(project: Any) -> None:
    context = project.directory / "context"
    project.run("ansible-builder", "create", "--file", str(EXAMPLES / "execution-environment.yml"), "--context", str(context)).succeeded()
    galaxy = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert {"name": "nebula.credential"} in galaxy["collections"]
    needed = project.run("ansible-builder", "introspect", str(COLLECTION_ROOT)).succeeded().output
    lines = (CHECKOUT / "requirements" / "backends.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert [line for line in packages if line not in needed] == []


def test_the_rulebook_launches_a_job_template_of_the_role_with_answers_to_its_survey() -> None:
    (book,) = yaml.safe_load((EXAMPLES / "rulebook.yml").read_text(encoding="utf-8"))
    called = book["rules"][0]["action"]["run_job_template"]
    data = yaml.safe_load((CHECKOUT / "roles" / "awx" / "vars" / "main.yml").read_text(encoding="utf-8"))
    assert called["name"] in [each["name"].replace("{{ awx_prefix }}", "Nebula") for each in data["__awx_job_templates"]]
    survey = {question["variable"]: question["choices"] for question in data["__awx_rotate_survey"]}
    assert all(answer in survey[variable] for variable, answer in called["job_args"]["extra_vars"].items())
