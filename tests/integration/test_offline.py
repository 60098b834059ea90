# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of what was read answer while the server is away, as `docs/how-to/offline.md` says: on a real OpenBao behind a bad network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AuditFailed,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.vault_store import VaultStore
from tests.servers import once, proxy

pytestmark = pytest.mark.server
CANARY = "canary-7d1c0b9a8e6f"


class Outage:
    """A store on a server that can be taken away."""

    def __init__(self, directory: Path, between: proxy.Proxy) -> None:
        """Take a directory for the copies and the trail, and the network in front of the server."""
        self.directory, self._between, self.warned = directory, between, []
        self.server = once.openbao()
        self.store = VaultStore(self.server)
        self.server.call("POST", self.store.path("a"), {"data": {"password": CANARY}})

    def configured(self, **options: Any) -> dict[str, Any]:
        url = "http://127.0.0.1:{0}".format(self._between.port)
        key = {"source": "key_file", "path": str(self.directory / "copies.key")}
        copies = {"max_age": "1h", "key_sources": [key], "path": str(self.directory / "copies")}
        quick = {"max_retries": 0, "read_timeout": 10, "audit_path": str(self.directory / "audit.jsonl")}
        return {"backend": "vault", **self.store.configured(url=url), **quick, "fallback_copy": copies, **options}

    def open(self, **options: Any) -> Any:
        """A controller's store, without a session."""
        return open_store(self.configured(**options), name="prod", warn=self.warned.append)

    def read(self, name: str = "a", **options: Any) -> Any:
        manager = self.open(**options)
        try:
            return perform(manager, "get", {"name": name}, AccessContext()).result
        finally:
            manager.close()

    def goes_away(self) -> None:
        self._between.mode = proxy.REFUSE

    def results(self) -> list[str]:
        """The results in the audit trail."""
        lines = (self.directory / "audit.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["result"] for line in lines]


@pytest.fixture
def outage(tmp_path: Path) -> Any:
    where = urlsplit(once.openbao().url)
    directory = tmp_path / "offline"
    directory.mkdir(mode=0o700)
    with proxy.running(str(where.hostname), int(where.port or 0)) as between:
        yield Outage(directory, between)


@pytest.mark.parametrize("source", ["token_env", "token_file"])
def test_another_login_in_the_same_variable_or_file_gets_no_copy(outage: Any, monkeypatch: Any, source: str) -> None:
    file, configured = outage.directory / "token", outage.configured()
    auth = {source: "MY_TOKEN" if source == "token_env" else str(file)}

    def log_in(token: str) -> None:
        monkeypatch.setenv("MY_TOKEN", token)
        file.write_text(token, encoding="utf-8")
        file.chmod(0o600)

    log_in(configured["auth"]["token"])
    assert outage.read(auth=auth)["value"] == CANARY
    outage.goes_away()
    assert outage.read(auth=auth)["stale"]
    log_in("another-token")
    with pytest.raises(Unavailable):
        outage.read(auth=auth)


def test_what_another_process_has_read_answers_and_is_recorded_as_stale(outage: Any) -> None:
    outage.read()
    outage.goes_away()
    found = outage.read()
    assert (found["value"], found["stale"]) == (CANARY, True)
    assert outage.results() == ["ok", "stale"]
    assert "the backend does not respond; a copy of its value is used" in outage.warned[-1]
    with pytest.raises(Unavailable):
        outage.read("never-read")


def test_neither_value_nor_name_is_readable_in_the_files(outage: Any) -> None:
    outage.server.call("POST", outage.store.path("a-telling-name"), {"data": {"password": CANARY}})
    outage.read("a-telling-name")
    files = [each for each in (outage.directory / "copies").iterdir() if each.is_file()]
    assert len(files) >= 2
    for file in files:
        assert not any(
            text in file.read_bytes() + file.name.encode() for text in (CANARY.encode(), b"telling", outage.store.prefix.encode())
        )


def test_a_deleted_one_and_a_refused_login_are_answers(outage: Any) -> None:
    outage.read()
    outage.server.call("DELETE", outage.store.path("a", "metadata"))
    with pytest.raises(NotFound):
        outage.read()
    outage.goes_away()
    with pytest.raises(Unavailable):
        outage.read()
    with pytest.raises((Unavailable, LoginFailed)):
        outage.read(auth={"token": "another-login"})


def test_an_encrypted_store_records_it_in_its_chain(outage: Any) -> None:
    own = {
        "prefix": outage.store.prefix + "-sealed",
        "encrypt": True,
        "key_sources": [{"source": "key_file", "path": str(outage.directory / "store.key")}],
    }
    manager = outage.open(**own)
    manager.create(DesiredCredential("sealed", value=Secret(CANARY)))
    manager.close()
    outage.read("sealed", **own)
    outage.goes_away()
    assert outage.read("sealed", **own)["stale"] is True
    assert outage.results()[-1] == "stale"
    assert outage.read("sealed", audit="strict", **own)["value"] == CANARY
    for file in (outage.directory / "copies").glob("*-document"):
        file.unlink()
    with pytest.raises(AuditFailed):
        outage.read("sealed", audit="strict", **own)


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ({"max_age": "never"}, "fallback_copy.max_age"),
        ({"max_age": "1s"}, "fallback_copy.max_age"),
        ({"max_age": "60d"}, "fallback_copy.max_age"),
        ({"key_sources": []}, "fallback_copy.key_sources"),
        ({"maxage": "1h"}, "fallback_copy.maxage"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(outage: Any, changed: Any, option: str) -> None:
    options = {**outage.configured()["fallback_copy"], **changed}
    with pytest.raises(InvalidConfiguration) as caught:
        outage.open(fallback_copy=options)
    assert caught.value.option == option


def test_a_store_on_this_machine_refuses_it(tmp_path: Path) -> None:
    copies = {"max_age": "1h", "key_sources": [{"source": "key_file"}]}
    with pytest.raises(InvalidConfiguration, match="this store is on this machine"):
        open_store({"backend": "local", "path": str(tmp_path), "fallback_copy": copies})


TASKS = """
- name: read
  ansible.builtin.assert:
    that: lookup('nebula.credential.get', 'a') == '{0}'
    quiet: true
  loop: [1, 2]
- name: deploy
  nebula.credential.deploy: {{credential: a, dest: "{1}/deployed"}}
- name: write
  nebula.credential.credential: {{name: a, value: other, state: present}}
  register: written
  failed_when: {2}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_play_reads_what_an_earlier_run_has_read_while_the_server_is_away(project: Any, outage: Any, session: str) -> None:
    project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": outage.configured()}}))
    project.write("ansible.cfg", "[defaults]\n")
    there, away = (TASKS.format(CANARY, project.directory, fails) for fails in ("false", "written.code | default('') != 'unavailable'"))
    project.play(there.partition("- name: write")[0], NEBULA_CREDENTIAL_SESSION=session).succeeded()
    outage.goes_away()
    run = project.play(away, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert "a copy of its value is used" in " ".join(run.output.split())
    assert CANARY not in run.output
    assert outage.results().count("stale") >= 3
