# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two whole shapes of plays: the same files on each store and with each way of running, and each credential is read once.

The plays are in tests/integration/shapes: an inventory whose variables are lookups, with passwords to become root, serial, handlers
and delegation; and a role that renders a compose file and a manifest. Of strategies, forks and stores, every pair is tried.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tests.integration.counted import ON, Counted

SHAPES = Path(__file__).parent / "shapes"
PASSWORD = "p4ss'word $HOME {{ 1 }} é"
VALUES = {
    "become/web": "r00t of web",
    "become/db": "r00t of db",
    "app/api": "t0ken",
    "app/mail": "m4il",
    "web1/token": "t0ken of web1",
    "service/api": "k3y $of api",
    "service/worker": "k3y of worker",
    "service/deploy": "d3ploy",
}
CERTIFICATE = base64.b64encode(bytes(range(256))).decode()
STORED = [*VALUES, "app/db", "service/certificate"]
"""What the plays read. They also read app/greeting, which is not stored and has a default."""
WAYS = [
    ("linear", 20, "vault"),
    ("free", 20, "local"),
    *(pytest.param(*way, marks=pytest.mark.long) for way in [("linear", 1, "local"), ("free", 1, "vault")]),
]
READS_NOTHING = [
    ("ansible-playbook", "site.yml", "--syntax-check"),
    ("ansible-playbook", "site.yml", "--list-tasks"),
    ("ansible-inventory", "--list"),
]


class LocalStore:
    """A local store, whose metrics count what is read from it."""

    def __init__(self, project):
        self._metrics = project.directory / "metrics.json"
        self._trail = project.directory / "store" / ".nebula" / "audit.jsonl"
        project.write("ansible.cfg", "[defaults]\n")
        content = {"backend": "local", "path": "store", "metrics_path": self._metrics.name}
        project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": content}}))

    def start_over(self):
        """Count from now on."""
        self._metrics.unlink()
        self._trail.unlink()

    def count_most_reads(self):
        """How often the store was read for each credential that it has, rounded up: how often which one is not counted."""
        if not self._metrics.exists():
            return 0
        (store,) = json.loads(self._metrics.read_text())["stores"]
        return -(-store["operations"]["get"]["ok"] // len(STORED))

    def is_untouched(self):
        """Whether it was not even opened."""
        return not self._metrics.exists() and not self._trail.exists()


class VaultStore(Counted):
    """A store on OpenBao, whose log counts what is read from it."""

    def __init__(self, project):
        super().__init__()
        self.is_default_of(project)

    def count_most_reads(self):
        """How often the credential that was read most was fetched, of those that there are."""
        return max((number for name, number in self.reads().items() if name in STORED), default=0)

    def is_untouched(self):
        """Whether it was asked nothing, and nobody logged in."""
        return (self.logins(), dict(self.reads())) == (0, {})


STORES = {"local": LocalStore, "vault": VaultStore}


@pytest.fixture
def shaped(project, monkeypatch):
    """The project with the plays in it, the credentials in each kind of store, and the passwords to become root."""
    right = [hashlib.sha256(VALUES[name].encode()).hexdigest() for name in ("become/web", "become/db")]
    monkeypatch.setenv("SHAPES_BECOME", str(project.write("right", "\n".join(right) + "\n")))

    def build(kind):
        store = STORES[kind](project)
        credentials = [{"name": name, "value": value} for name, value in VALUES.items()]
        credentials.append({"name": "app/db", "type": "basic", "fields": {"username": "app", "password": PASSWORD}})
        credentials.append({"name": "service/certificate", "value": CERTIFICATE, "encoding": "base64"})
        # Unsafe, so that Ansible does not take a value for a template.
        given = project.write("given.yml", "credentials: !unsafe {0}\n".format(json.dumps(json.dumps(credentials))))
        task = "- nebula.credential.credential: {credentials: '{{ credentials | from_json }}'}"
        project.play(task, "-e", "@" + str(given), **ON).succeeded()
        store.start_over()
        shutil.copytree(SHAPES, project.directory, dirs_exist_ok=True)
        project.write("ansible.cfg", "[defaults]\ninventory = inventory.yml\n[privilege_escalation]\nbecome_allow_same_user = true\n")
        return store

    return build


def run_site(project, strategy, forks):
    """Run all plays; answers the content of each file that they wrote."""
    written = project.directory / "written"
    written.mkdir()
    arguments = ("-f", str(forks), "-e", "out=" + str(written), "site.yml")
    project.run("ansible-playbook", *arguments, ANSIBLE_STRATEGY=strategy, **ON).succeeded()
    return {str(path.relative_to(written)): path.read_text(encoding="utf-8") for path in written.rglob("*") if path.is_file()}


def describe_expected():
    """The content of each file, by its name."""
    hosts, parts, expected = ("web1", "db1"), ("api", "worker"), {}
    for host in ("web1", "web2", "web3"):
        token = VALUES["web1/token" if host == "web1" else "app/api"]
        lines = ["host=" + host, "user=app", "password=" + PASSWORD, "token=" + token, "mail=" + VALUES["app/mail"], "greeting=hello"]
        expected[host + "-app.conf"] = "\n".join(lines) + "\n"
        expected[host + "-token"] = token
        expected[host + "-restarted"] = "restarted with " + VALUES["app/api"]
        expected["db1-{0}.sql".format(host)] = "ALTER ROLE app PASSWORD '{0}' -- {1}".format(PASSWORD, host)
    expected["web1-rolled-out"] = hashlib.sha256(VALUES["service/deploy"].encode()).hexdigest()
    return hosts, parts, expected


@pytest.mark.parametrize(("strategy", "forks", "kind"), WAYS)
def test_a_whole_site_writes_the_same_files_and_reads_each_credential_once(project, shaped, strategy, forks, kind):
    store = shaped(kind)
    written = run_site(project, strategy, forks)
    hosts, parts, expected = describe_expected()
    rendered = {host: yaml.safe_load(written.pop(host + "-compose.yml")) for host in hosts}
    secrets = {(host, part): yaml.safe_load(written.pop("{0}-{1}.yml".format(host, part))) for host in hosts for part in parts}
    if strategy == "free":  # with it, `run_once` picks no host
        written = {("web1-rolled-out" if name.endswith("-rolled-out") else name): text for name, text in written.items()}
    assert written == expected
    for host in hosts:
        for part in parts:
            environment, secret = rendered[host]["services"][part]["environment"], secrets[host, part]
            assert environment["KEY"].replace("$$", "$") == VALUES["service/" + part]
            assert unquote(environment["DATABASE_URL"]) == "postgresql://app:{0}@db1/app".format(PASSWORD)
            assert secret["stringData"]["password"] == PASSWORD
            assert base64.b64decode(secret["data"]["key"]).decode() == VALUES["service/" + part]
            assert secret["data"]["tls.crt"] == CERTIFICATE
    assert store.count_most_reads() == 1


@pytest.mark.parametrize("kind", STORES)
def test_looking_at_plays_reads_nothing(project, shaped, kind):
    store = shaped(kind)
    for command in READS_NOTHING:
        project.run(*command, "-e", "out=/nonexistent", **ON).succeeded()
    assert store.is_untouched()


def test_a_wrong_password_to_become_root_is_refused(project, shaped):
    """Otherwise the plays would not show that the password is read."""
    shaped("local")
    project.write("right", "")
    run = project.run("ansible-playbook", "-e", "out=" + str(project.directory), "--limit", "web1", "site.yml", **ON)
    assert run.returncode != 0
    assert "Sorry, try again" in run.output
