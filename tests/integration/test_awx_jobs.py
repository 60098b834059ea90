# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every job template of the role `awx`, run by ansible-runner as AWX runs it: a private data directory and a home of each job's own.

What a job gets of its credentials is rendered from the injectors of the role's credential types, as AWX renders them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any, Callable, Mapping

import ansible_runner
import jinja2
import jinja2.sandbox
import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.servers import once

ROLE = CHECKOUT / "roles" / "awx"
PROJECT = CHECKOUT / "docs" / "examples" / "awx" / "project"
CREDENTIAL = "app/db_pass"


def render(data: Any) -> Any:
    """Return the role's data as Ansible renders it, with the default prefix."""
    if isinstance(data, str):
        return jinja2.Template(data).render(awx_prefix="Nebula") if "{{" in data and "__awx" not in data else data
    if isinstance(data, Mapping):
        return {name: render(value) for name, value in data.items()}
    return [render(value) for value in data] if isinstance(data, list) else data


DATA = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
TYPES = render(DATA["__awx_credential_types"])
TEMPLATES = {each["name"]: each for each in render(DATA["__awx_job_templates"])}


class Awx:
    """Runs job templates. `store` is the text of the store's configuration, `login` its secret."""

    def __init__(self, directory: Path, store: str, login: str) -> None:
        self.directory, self.store, self.login, self.jobs = directory, store, login, 0

    def launch(self, template: str, answers: Mapping[str, Any], **variables: Any) -> Any:
        """Run a job; its home and its directory are gone afterwards. Return what it printed, and whether it was successful."""
        self.jobs += 1
        private = self.directory / "job-{0}".format(self.jobs)
        shutil.copytree(PROJECT, private / "project")
        for part in ("env", "inventory", "home"):
            (private / part).mkdir()
        (private / "inventory" / "hosts").write_text("localhost ansible_connection=local\n")
        extra = private / "env" / "extravars-of-the-job"
        extra.write_text(json.dumps({**variables, **answers}))
        kind = TEMPLATES[template]["job_type"]
        done = ansible_runner.run(
            private_data_dir=str(private),
            ident="1",
            playbook=TEMPLATES[template]["playbook"],
            cmdline="-e @{0}{1}".format(extra, " --check" if kind == "check" else ""),
            envvars={**self.inject(private), "HOME": str(private / "home"), "AWX_HOST": "https://awx.example.com", "JOB_ID": "1"},
            settings={"suppress_ansible_output": True},
        )
        printed = done.stdout.read()
        kept = "".join(path.read_text(errors="replace") for path in (private / "artifacts").rglob("*") if path.is_file())
        assert self.login not in kept.replace(json.dumps(self.login), "")
        shutil.rmtree(private)
        return done.status, printed

    def inject(self, private: Path) -> dict[str, str]:
        """Return the variables of the job, and write its files."""
        environment = {name: os.environ[name] for name in ("ANSIBLE_COLLECTIONS_PATH", "PATH", "XDG_RUNTIME_DIR") if name in os.environ}
        sandbox = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
        fields = {"configuration": self.store, "secret": self.login, "passphrase": ""}
        for kind in TYPES:
            own = {field["id"]: fields[field["id"]] for field in kind["inputs"]["fields"]}
            files = {}
            for name, text in kind["injectors"].get("file", {}).items():
                path = private / "env" / "tmp{0}".format(secrets.token_hex(4))
                path.write_text(sandbox.from_string(text).render(**own))
                path.chmod(stat.S_IRUSR | stat.S_IWUSR)
                files[name.partition(".")[2]] = str(path)
            for name, text in kind["injectors"]["env"].items():
                environment[name] = sandbox.from_string(text).render(tower={"filename": files}, **own)
        return environment


@pytest.fixture
def controller(tmp_path: Path) -> Awx:
    server = once.openbao()
    place = {"backend": "vault", "url": server.url, "auth": {"method": "token", "token_env": "NEBULA_STORE_SECRET"}}
    stores = {name: {**place, "prefix": "{0}-{1}".format(name, secrets.token_hex(4))} for name in ("prod", "copy")}
    return Awx(tmp_path, yaml.safe_dump({"default": "prod", "stores": stores}), server.root_token)


def test_every_job_template_runs_in_a_home_that_vanishes(controller: Awx) -> None:
    run: Callable[..., Any] = controller.launch
    answers = {"credential_name": CREDENTIAL, "credential_type": "basic"}
    assert run("Nebula provision", answers)[0] == "successful"
    listed = [{"name": CREDENTIAL, "target": "none"}]
    status, printed = run("Nebula plan a rotation", {"rotate_only_due": "false"}, rotate_credentials=listed)
    assert (status, "would be" in printed or "plan" in printed) == ("successful", True), printed
    status, printed = run("Nebula rotate", {"rotate_only_due": "true"}, rotate_credentials=listed)
    assert (status, "not due" in printed) == ("successful", True), printed
    status, printed = run("Nebula rotate", {"rotate_only_due": "false"}, rotate_credentials=listed)
    assert (status, "promoted" in printed) == ("successful", True), printed
    where = {"migrate_from": "prod", "migrate_to": "copy", "migrate_prefix": "app/", "migrate_after": "keep"}
    status, printed = run("Nebula migrate", where)
    assert (status, "1 credentials: 1 written" in printed) == ("successful", True), printed


def test_a_new_store_makes_no_key_in_the_home_of_a_job(controller: Awx, tmp_path: Path) -> None:
    store = tmp_path / "volume"
    controller.store = yaml.safe_dump({"default": "here", "stores": {"here": {"backend": "local", "path": str(store)}}})
    status, printed = controller.launch("Nebula provision", {"credential_name": CREDENTIAL, "credential_type": "basic"})
    assert status == "failed"
    assert "the home of a job in AWX" in printed
    assert "passphrase_env" in printed
    assert not list(store.rglob("*.enc"))
