# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in the documentation run as they are printed, and print no secret.

Only places are replaced: directories of the system by ones of the test's own, db.example.com by the test's PostgreSQL,
and what a page says of a backend's server as the backend's harness says (tests/backends).
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
from contextlib import ExitStack
from importlib.util import find_spec

import pytest

from tests.backends.discovery import HARNESSES
from tests.conftest import cannot_run
from tests.integration import default_store
from tests.integration.ansible_run import PROGRAMS
from tests.integration.documented import (
    CHECKOUT,
    PAGES,
    blocks,
    everything_that_runs,
    examples,
    pages_with_examples,
    plugins,
    role_examples,
    roles,
)
from tests.integration.example_services import SERVICES
from tests.integration.stored_secrets import secrets_below
from tests.servers import once
from tests.unit.types.kerberos.keytabs import write_entry, write_keys

HOST = "db.example.com"
ISSUER = "https://auth.example.com"
"""The authorization server of the documentation."""
FOLDERS = ("etc", "srv", "tmp")
PLACES = re.compile(r"(?<![\w.~/])/({0})/".format("|".join(FOLDERS)))
# What the examples expect of the world: credentials, and the PostgreSQL roles whose passwords they hold.
ROLES = {"db_pass": "app", "app/db_pass": "app", "app/db": "app_a", "shop/db_pass": "shop_a", None: "app_b shop_b"}
NEEDED = {"my_credential": {}, "legacy/api": {}, "cookie_signing_key": {}, "cookie_key": {}, "door_code": {}}
KEYTAB = base64.b64encode(write_keys(write_entry("HTTP/web.example.com@EXAMPLE.COM", 1))).decode()
OF_A_KDC = {"name": "web/http", "encoding": "base64", "fields": {"keytab": KEYTAB}}
FEATURES = {
    "a value": r"lookup\('nebula.credential.get', 'db_pass'\)",
    "one field": r"nebula.credential.get', .*field='",
    "fields of one version": r"nebula.credential.get', .*fields=\[",
    "an older version": r"nebula.credential.get', .*version=",
    "a stage": r"nebula.credential.get', .*stage='(pending|previous)'",
    "binary values": r"encoding='base64'",
    "a scope": r"\bscope[:=]",
    "several values": r"nebula.credential.get_many",
    "metadata by JMESPath": r"nebula.credential.find', .*query=",
    "a default": r"default='",
    "on_missing": r"on_missing=",
    "on_denied": r"on_denied=",
    "on_error": r"on_error=",
    **{"the type " + name: r"type: {0}\b".format(name) for name in ("api_key", "basic", "custom", "database", "oauth2", "saml")},
    "a login by a person": r"phase: wait",
    "a login that is tried": r"check: true",
    "a refresh on demand": r"credential_refresh:",
    "generated values": r"generate:",
    "a time to live": r"ttl:",
    "a policy": r"policy:",
    "tags": r"tags:",
    "a list of credentials": r"credentials:\n",
    "absent": r"state: absent",
    "a delete for good": r"permanent: true",
    "revoked": r"state: revoked",
    "restored": r"state: restored",
    "check mode": r"(check_mode: true|--check)",
    "a diff": r"(diff: true|--diff)",
    "info by query": r"query: ",
    "info with versions": r"versions: true",
    "health": r"health: true",
    "metrics for Prometheus": r"prometheus: true",
    "the use of a credential": r"usage: true",
    "rotation in the store alone": r"target: none",
    "rotation at PostgreSQL": r"target: postgresql",
    "rotation by programs": r"target: command",
    "two users that take turns": r"usernames: \[",
    "rotation by hand": r"phase: commit",
    "the role provision": r"nebula.credential.provision",
    "the role rotate": r"nebula.credential.rotate",
    "the role migrate": r"nebula.credential.migrate",
    "a move": r"after: delete",
    "a transformer": r"transform:",
    "another store by one line": r"NEBULA_CREDENTIAL_STORE=",
    "a passphrase": r"passphrase_file:",
    "the vault password": r"source: ansible_vault",
    "rotating the master key": r"store_key: .*state: rotated",
    "plain formats": r"allow_plaintext: true",
    "backups": r"backup: true",
    "a strict audit trail": r"audit: strict",
    "checking the trail": r"trail\.verify\(\)",
}


class Reader:
    """Somebody who does what a page says, in an empty directory."""

    def __init__(self, project, server, monkeypatch, running):
        self.project = project
        self._monkeypatch = monkeypatch
        self._server = server
        self._running = running
        self.given = []
        self._addresses = {}
        self._programs = [str(PROGRAMS)]
        for folder in FOLDERS:
            (project.directory / folder).mkdir(mode=0o700)
        project.write("ansible.cfg", "[defaults]\n")  # makes the directory a project: a nebula.yml in it counts

    @property
    def _environment(self):
        path = os.pathsep.join([*self._programs, os.environ["PATH"]])
        return {"PATH": path, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}

    def placed(self, text):
        """The text, with its places replaced."""
        text = PLACES.sub(lambda found: "{0}/{1}/".format(self.project.directory, found.group(1)), text)
        for documented, address in self._addresses.items():
            text = text.replace(documented, address)
        if not self.given:
            return text
        server = self._server()
        lines = re.sub(r"^([ -]*)host: " + re.escape(HOST) + "$", self._in_lines(server), text, flags=re.MULTILINE)
        return lines.replace("host: " + HOST, "host: {0}, port: {1}".format(server.host, server.port))

    @staticmethod
    def _in_lines(server):
        return lambda found: "{0}host: {1}\n{2}port: {3}".format(found[1], server.host, " " * len(found[1]), server.port)

    def prepare(self, text):
        """Make what the examples say that there is: roles in PostgreSQL, credentials in the store."""
        if ISSUER in text:
            server = once.oidc_provider()
            self._addresses[ISSUER] = server.url
            self._monkeypatch.setenv("DEPLOY_SECRET", server.password)
        for harness in HARNESSES.values():
            self._take(harness.example and harness.example(text, self.project.directory.parent))
        for service in SERVICES:
            self._take(service(text, self.project.directory.parent, self._running))
        # What is read from another server is made by the page itself.
        wanted = [{"name": name, **rest} for name, rest in NEEDED.items() if name in text and not self._addresses]
        if "target: postgresql" in text:
            wanted += self._database()
        if "join_keytabs" in text and "target: kerberos" not in text:
            wanted.append(OF_A_KDC)
        if wanted:
            default_store.create_all(wanted)

    def _take(self, example):
        """Have what a backend's harness prepared for the page."""
        if example is None:
            return
        self._addresses.update(example.addresses)
        self._programs[:0] = [str(example.programs)] if example.programs else []
        for variable, value in example.environment.items():
            self._monkeypatch.setenv(variable, value)

    def _database(self):
        server, password = self._server(), secrets.token_urlsafe(24)
        self.given += [password, server.password]
        for role in " ".join(ROLES.values()).split():
            server.run("DROP ROLE IF EXISTS {0}".format(role))
            server.run("CREATE ROLE {0} LOGIN PASSWORD '{1}'".format(role, password))
        logins = [(name, role, password) for name, role in ROLES.items() if name]
        logins.append(("postgresql/admin", server.user, server.password))
        return [{"name": name, "type": "basic", "fields": {"username": user, "password": word}} for name, user, word in logins]

    def do(self, block):
        """Do what a block says, and return the run."""
        text = self.placed(block.text)
        if block.is_file:
            return self.project.write(block.mark, text) and None
        if block.mark == "playbook":
            return self.project.run("ansible-playbook", str(self.project.write("playbook.yml", text)), **self._environment)
        if block.mark == "tasks":
            return self.project.play(text, **self._environment)
        if block.language == "python":
            return self.project.run(sys.executable, str(self.project.write("example.py", text)), **self._environment)
        return self.project.run("/bin/bash", "-euo", "pipefail", "-c", text, **self._environment)

    def shown_secrets(self, output):
        """How many secrets an output shows. Their number, so that the test shows none itself."""
        stored = secrets_below(self.project.directory, self.project.home)
        assert stored, "no secret was stored, so that none shows proves nothing"
        return sum(value in output for value in {*stored, *self.given})


@pytest.fixture
def reader(project, request, monkeypatch):
    with ExitStack() as running:
        yield Reader(project, lambda: request.getfixturevalue("postgresql"), monkeypatch, running)


@pytest.mark.parametrize(("kind", "name"), plugins())
def test_the_examples_of_every_plugin_run_and_show_no_secret(reader, kind, name):
    text = examples(kind, name)
    assert text.strip(), "it has no example"
    reader.prepare(text)
    enabled = {"ANSIBLE_CALLBACKS_ENABLED": "recorder,nebula.credential." + name} if kind == "callback" else {}
    run = reader.project.play(reader.placed(text), "--diff", "-v", **enabled).succeeded()
    assert reader.shown_secrets(run.output) == 0


@pytest.mark.parametrize("name", roles())
def test_the_examples_of_every_role_run_and_show_no_secret(reader, name):
    text = role_examples(name)
    assert text.strip(), "it has no example"
    if name == "awx" and find_spec("ansible_collections.awx") is None:
        cannot_run("the collection awx.awx is not installed")
    reader.prepare(text)
    run = reader.project.run("ansible-playbook", str(reader.project.write("site.yml", reader.placed(text))), "--diff", "-v").succeeded()
    assert reader.shown_secrets(run.output) == 0


@pytest.mark.parametrize("page", pages_with_examples(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_what_a_page_says_works_and_shows_no_secret(reader, page):
    marked = blocks(page)
    reader.prepare("\n".join(block.text for block in marked if block.is_run or block.is_file))
    output = ""
    for block in marked:
        run = reader.do(block)
        if run is not None:
            assert run.returncode == 0, "{0} line {1}:\n{2}".format(page.name, block.line, run.output)
            output += run.output
    assert reader.shown_secrets(output) == 0


def test_an_example_that_shows_a_secret_would_be_found(reader):
    reader.project.play("- nebula.credential.credential: {name: db_pass, type: basic}").succeeded()
    run = reader.project.play("""- ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db_pass') }}"}""").succeeded()
    if "$REDACTED$" not in run.output:  # ansible-core 2.22 masks it
        assert reader.shown_secrets(run.output) == 1


@pytest.mark.parametrize("pattern", FEATURES.values(), ids=FEATURES)
def test_every_feature_has_an_example_that_runs(pattern):
    assert re.search(pattern, everything_that_runs())


def test_every_mark_of_a_block_is_known():
    unknown = [(page.name, block.line, block.mark) for page in PAGES for block in blocks(page) if not (block.is_run or block.is_file)]
    assert unknown == []


@pytest.mark.parametrize("kind", [*dict(plugins()), "role"])
def test_ansible_doc_shows_every_plugin_and_role(project, kind):
    names = roles() if kind == "role" else [name for each, name in plugins() if each == kind]
    shown = project.run(
        "ansible-doc", "-t", kind.replace("modules", "module"), *("nebula.credential." + name for name in names)
    ).succeeded()
    pages = re.split(r"^> ", shown.output, flags=re.MULTILINE)[1:]
    shows = [re.search(r"nebula\.credential\.(\w+)", page)[1] for page in pages if "EXAMPLES" in page]
    assert sorted(shows) == sorted(names)
    # One of ansible-core 2.22 about a collection of its own.
    assert [line for line in shown.output.splitlines() if "WARNING" in line and "_protomatter" not in line] == []
    assert "ERROR" not in shown.output
