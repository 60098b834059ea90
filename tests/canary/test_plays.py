# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays in which no secret may show, by any channel. Add a play by a file in plays/ and a line here."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import pytest

from tests.canary import canaries
from tests.canary.channels import everywhere
from tests.canary.sandbox import PLAYS, store_of
from tests.canary.search import Searcher
from tests.conftest import PROFILE
from tests.servers import github_actions, gitlab_variables, identity_provider, mongodb_wire, scripted
from tests.servers.scripted import Answer
from tests.unit.types.samples import make_certificate, make_rsa_key


@dataclass(frozen=True)
class Run:
    """One way to run one play. `ends` is the exit status: a play that fails for a reason of its own proves nothing.

    `prepared` runs provision.yml before, so that check mode has something to compare with.
    """

    play: str
    options: Tuple[str, ...] = ()
    environment: Tuple[Tuple[str, str], ...] = ()
    ends: int = 0
    says: Tuple[bytes, ...] = ()
    prepared: bool = False

    def __str__(self) -> str:
        return " ".join([self.play, *self.options, *(value for name, value in self.environment)])


INVENTORY = "localhost ansible_connection=local ansible_python_interpreter={0}\n".format(sys.executable)
AS_JSON = (("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.json"),)
WITHOUT_SESSION = (("NEBULA_CREDENTIAL_SESSION", "false"),)
ENABLED = (("ANSIBLE_VARS_ENABLED", "host_group_vars,nebula.credential.credentials"),)
RUNS = (
    Run("provision.yml", says=(b"failed=0",)),
    Run("provision.yml", ("--diff",)),
    Run("provision.yml", ("--check", "--diff"), says=(b"failed=0",), prepared=True),
    Run("provision.yml", environment=AS_JSON),
    Run("provision.yml", environment=WITHOUT_SESSION, says=(b"failed=0",)),
    Run("cloud_types.yml", ("--diff", "-vvv"), says=(b"the service gave no new value", b"rescued=1")),
    Run("scan.yml", ("--diff", "-vvv"), says=(b"exposed", b"rescued=1")),
    Run("migrate.yml", ("--diff", "-vvv"), says=(b"duplicate", b"moved/blob", b"rescued=1")),
    Run("migrate.yml", environment=WITHOUT_SESSION, says=(b"rescued=1",)),
    Run(
        "everyday/site.yml", ("--diff",), ENABLED, says=(b"mode 0600 at ", b"fewer than 1000 characters", b"read only by its configuration")
    ),
    Run("failing.yml", says=(b"no_such_type", b"no_such_field", b"no_such_backend", b"rescued=1")),
    Run("failing.yml", ("--diff",), AS_JSON),
)


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_no_secret_shows(run, given, sandbox):
    variables = dict(given, canary_store=store_of(sandbox))
    if run.prepared:
        assert sandbox.play("provision.yml", variables, ["--skip-tags", "ending"]) == 0
    ended = sandbox.play(run.play, variables, run.options, dict(run.environment))
    assert Searcher(given).hits(everywhere(sandbox)) == []
    assert any(b"session/server/main.py" in command for _where, command in sandbox.processes["cmdline"]) == (
        run.environment != WITHOUT_SESSION
    )
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    assert ended == run.ends, said
    assert [words for words in run.says if words not in sandbox.output] == [], said


RENEW = """
import json, sys
given = json.load(sys.stdin)["fields"]
if sys.argv[1:]:
    print(given["password"], file=sys.stderr)
    json.dump({"error": {"code": "refresh_failed", "message": given["password"]}}, sys.stdout)
else:
    json.dump({"fields": {"session": open("PLACE").read()}, "expires_in": 3600}, sys.stdout)
"""


def write_recipes(sandbox, url):
    """A store whose values a command and a request renew, or refuse to renew in words that quote what they got; return its file."""
    directory = sandbox.path("given")
    (directory / "renew.py").write_text(RENEW.replace("PLACE", str(directory / "session")))
    command = [sys.executable, str(directory / "renew.py")]
    request = {"url": url, "json": {"password": "{password}"}, "fields": {"session": "/session"}, "lifetime": "1h"}
    recipes = {"door": {"command": command}, "broken": {"command": [*command, "broken"]}, "portal": request}
    recipes["refused"] = {**request, "url": url + "/refused"}
    file = directory / "nebula.yml"
    file.write_text(json.dumps({"stores": {"team": {**store_of(sandbox), "refreshes": recipes}}}))
    file.chmod(0o600)
    return file


def test_no_secret_shows_in_logins_and_refreshes_of_types(given, sandbox):
    given = dict(given, session_canary=canaries.make_plain(), person_canary=canaries.make_plain())
    (sandbox.path("given") / "session").write_text(given["session_canary"])
    key, certificate = make_rsa_key(), make_certificate()

    def answer(request):
        is_refused = request.path.endswith("/refused")
        return Answer(403, {"detail": request.json["password"]}) if is_refused else Answer(200, {"session": given["session_canary"]})

    with identity_provider.running() as people, scripted.running(answer) as service, mongodb_wire.running() as database:
        people.person = given["person_canary"]
        saml = {"saml_key": key, "saml_certificate": certificate, "saml_provider": people.metadata.decode()}
        known = {"saml_services": people.url + "/services", "server_host": database.host, "server_port": database.port}
        file = write_recipes(sandbox, service.url)
        ended = sandbox.play("types.yml", {**given, **saml, **known}, ["--diff"], {"NEBULA_CREDENTIAL_CONFIG": str(file)})
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    private = "".join(key.splitlines()[1:-1])[216:256]
    assert Searcher(dict(given, private=private)).hits(everywhere(sandbox)) == []
    assert ended == 0, said
    assert [words for words in (b"refuses the login", b"rescued=1", b"responded with status 403") if words not in sandbox.output] == [], (
        said
    )


@pytest.mark.parametrize("options", [("--diff",), *([("--check", "--diff")] if PROFILE == "long" else [])], ids=" ".join)
def test_no_secret_shows_when_files_are_deployed_and_commands_run(given, sandbox, options):
    """The environment of the command that gets a value there holds it: that is what it is for. No other process has it."""
    ended = sandbox.play("hosts.yml", dict(given, canary_store=store_of(sandbox)), options, {"ANSIBLE_KEEP_REMOTE_FILES": "0"})
    searched = [blob for blob in everywhere(sandbox) if not (blob[0] == "/proc/*/environ" and b"CANARY_CHILD=1" in blob[1])]
    assert Searcher(given).hits(searched) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    rendered = sandbox.path("rendered")
    if "--check" in options:
        assert list(rendered.iterdir()) == []
        return
    assert (rendered / "password").read_text() == given["canary"]
    assert given["plain_canary"] in (rendered / "app.conf").read_text()
    assert b"5 files" in sandbox.output
    assert any(b"CANARY_CHILD=1" in environment for _where, environment in sandbox.processes["environ"])


@pytest.mark.server
def test_a_leak_into_the_log_of_postgresql_is_found(given, postgresql):
    before = len(postgresql.log.read_bytes())
    postgresql.run("DO $$ BEGIN RAISE NOTICE '{0}'; END $$".format(given["plain_canary"]))
    assert Searcher(given).hits([("PostgreSQL's log", postgresql.log.read_bytes()[before:])])


def test_no_secret_shows_in_what_ansible_runner_keeps(given, sandbox):
    data = sandbox.root / "runner"
    for folder in ("env", "project", "inventory"):
        (data / folder).mkdir(parents=True)
    (data / "inventory" / "hosts").write_text(INVENTORY)
    variables = sandbox.give(dict(given, canary_store=store_of(sandbox)))
    command = [
        "ansible-runner",
        "run",
        str(data),
        "--playbook",
        str(PLAYS / "provision.yml"),
        "--cmdline",
        "-e @{0} -vvv".format(variables),
    ]
    # With ANSIBLE_DISPLAY_ARGS_TO_STDOUT, which is off by default, ansible-runner records the arguments of every task without no_log.
    sandbox.run(command, {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "0"})
    assert sandbox.status == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert list(Path(data, "artifacts").rglob("job_events/*.json"))
    assert Searcher(given).hits(everywhere(sandbox)) == []


def test_what_ansible_runner_keeps_is_searched(given, sandbox):
    data = sandbox.root / "runner"
    (data / "project").mkdir(parents=True)
    (data / "inventory").mkdir()
    (data / "inventory" / "hosts").write_text(INVENTORY)
    options = "-e @{0} --tags output".format(sandbox.give({"canaries": {"output": given["canary"]}}))
    sandbox.run(["ansible-runner", "run", str(data), "--playbook", str(PLAYS / "planted.yml"), "--cmdline", options])
    kept = [blob for blob in everywhere(sandbox) if "/artifacts/" in blob[0]]
    assert Searcher(given).hits(kept)


@pytest.mark.parametrize("environment", [(), WITHOUT_SESSION], ids=["session", "no-session"])
def test_no_secret_shows_in_copies(given, sandbox, environment):
    given = dict(given, other_canary=canaries.make_plain(), wrong_canary=canaries.make_plain())
    with github_actions.running() as github, gitlab_variables.running() as gitlab:
        logins = {"github_canary": github.token, "gitlab_canary": gitlab.token}
        names = {"names": {"shop/token": "SHOP_TOKEN"}}
        stores = {
            "main": {**store_of(sandbox), "mirror": ["spare", *({"to": to, **names} for to in ("github", "gitlab", "refused"))]},
            "spare": {**store_of(sandbox), "path": str(sandbox.path("store") / "spare")},
            "github": {"backend": "github", **github.options},
            "gitlab": {"backend": "gitlab", **gitlab.options},
            "refused": {"backend": "gitlab", **gitlab.options, "token": given["wrong_canary"]},
        }
        file = sandbox.path("given") / "nebula.yml"
        file.write_text(json.dumps({"default": "main", "stores": stores}))
        file.chmod(0o600)
        ended = sandbox.play("mirror.yml", given, ["--diff", "-vvv"], {"NEBULA_CREDENTIAL_CONFIG": str(file), **dict(environment)})
        said = sandbox.output[-3000:].decode("utf-8", "replace")
        assert ended == 0, said
        assert github.open("SHOP_TOKEN") == given["other_canary"]
    assert Searcher({**given, **logins}).hits(everywhere(sandbox)) == []
    assert [words for words in (b"login_failed", b"is a copy of", b"write_only") if words not in sandbox.output] == [], said
