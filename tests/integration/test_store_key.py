# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `store_key`, in real runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from tests.integration.ansible_run import PROGRAMS
from tests.servers.processes import wait_until

CANARY = "canary-" + os.urandom(6).hex()
OFFICE = "canary-" + os.urandom(6).hex()
KEY_FILE = "{source: key_file, path: '{{ playbook_dir }}/store.key'}"
PASSPHRASE = "{source: passphrase, passphrase: '{{ office }}', label: office}"


def stores(*sources, also=""):
    """Variables with a store that these sources open."""
    store = "{{backend: local, path: '{{{{ playbook_dir }}}}/store', key_sources: [{0}]{1}}}".format(", ".join(sources), also)
    secrets = "canary: '{0}', office: '{1}'".format(CANARY, OFFICE)
    return "{{{0}, nebula_credential_store: team, nebula_credential_stores: {{team: {1}}}}}".format(secrets, store)


def fill(project):
    """A store that a key file opens: three credentials, one of them with two versions."""
    return project.play(
        """
- nebula.credential.credential: {credentials: [{name: a, value: "{{ canary }}"}, {name: b}, {name: c}]}
- nebula.credential.credential: {name: a, value: a newer one}
""",
        variables=stores(KEY_FILE),
    ).succeeded()


READABLE = """
- name: all can be read
  ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'a', version='1') == canary
      - lookup('nebula.credential.get', 'a') == 'a newer one'
      - lookup('nebula.credential.get', 'b') | length == 32
      - lookup('nebula.credential.get', 'c') | length == 32
"""


def document(project):
    return json.loads((project.directory / "store" / ".nebula" / "metadata.json").read_text())


def key_ids(project):
    """The keys that the envelopes are under, older versions among them."""
    return {read_envelope(path.read_bytes()).header.key_id.hex() for path in (project.directory / "store").rglob("*.enc")}


def test_rotated_with_a_passphrase_added_everything_is_read_by_either_source(project):
    fill(project)
    key_file = project.directory / "store.key"
    run = project.play(
        """
- {name: before, nebula.credential.store_key: {}}
- {name: would add, check_mode: true, nebula.credential.store_key: {store: "{{ both }}"}}
- {name: would rotate, check_mode: true, nebula.credential.store_key: {store: "{{ both }}", state: rotated}}
- {name: unchanged, nebula.credential.store_key: {}}
- {name: added, diff: true, nebula.credential.store_key: {store: "{{ both }}"}}
- {name: again, nebula.credential.store_key: {store: "{{ both }}"}}
- {name: rotated, nebula.credential.store_key: {store: "{{ both }}", state: rotated, keep_until: "2099-01-01T00:00:00Z"}}
"""
        + READABLE,
        "-vvvvv",
        variables=stores(KEY_FILE)[:-1]
        + ", both: {backend: local, path: '{{ playbook_dir }}/store', key_sources: ["
        + KEY_FILE
        + ", "
        + PASSPHRASE
        + "]}}",
    ).succeeded()
    told = {name: run.result(name) for name in ("before", "would add", "would rotate", "unchanged", "added", "again", "rotated")}
    assert {name: result["changed"] for name, result in told.items()} == {
        name: name not in ("before", "unchanged", "again") for name in told
    }
    assert told["unchanged"]["key"] == told["before"]["key"]
    assert told["would add"]["added"] == told["added"]["added"] == ["passphrase:office"]
    assert told["would rotate"]["rotation"] == {"resumed": False, "envelopes": 4, "marks": 0, "dropped": []}
    assert (told["rotated"]["rotation"]["envelopes"], told["rotated"]["rotation"]["marks"]) == (4, 3)
    assert "diff" not in told["rotated"]
    assert [source["source"] for source in told["added"]["diff"]["after"]["sources"]] == ["key_file", "passphrase"]
    former = told["rotated"]["key"]["former"]
    assert former == [{"key_id": told["before"]["key"]["key_id"], "keep_until": "2099-01-01T00:00:00Z"}]
    assert key_ids(project) == {told["rotated"]["key"]["key_id"]} != {told["before"]["key"]["key_id"]}
    project.play(READABLE, variables=stores(PASSPHRASE)).succeeded()
    secrets = [CANARY, OFFICE, *(line.split()[2] for line in key_file.read_text().splitlines())]
    assert [secret for secret in secrets if secret in run.output or secret in str(run.results)] == []
    trail = [json.loads(line) for line in (project.directory / "store" / ".nebula" / "audit.jsonl").read_text().splitlines()]
    assert [entry["result"] for entry in trail if (entry["action"], entry.get("operation")) == ("keys", "store_key")] == ["ok"] * 5


def descendants(pid):
    """The processes below one, the nearest first: ansible-core puts each worker into a session of its own."""
    found = [int(child) for child in Path("/proc/{0}/task/{0}/children".format(pid)).read_text().split()]
    return [*found, *(below for child in found for below in descendants(child))]


def kill_in_the_middle(project, play):
    """Run a rotation that cannot get past one credential, and kill it and its workers there."""
    layout = Layout(str(project.directory / "store"), ".enc")
    with FileLock(layout.lock("b")):
        command = [str(PROGRAMS / "ansible-playbook"), str(play)]
        process = subprocess.Popen(
            command,
            cwd=project.directory,
            env={**os.environ, "NEBULA_CREDENTIAL_SESSION": "false"},  # a session would end what it has begun
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: document(project)["retiring"] is not None, process=process)
        finally:
            for pid in [*descendants(process.pid), process.pid]:
                os.kill(pid, signal.SIGKILL)
            process.wait()


def test_a_rotation_that_is_killed_is_told_and_taken_up(project):
    """kill -9, with some of the store under the old key and some under the new one."""
    fill(project)
    patient = stores(KEY_FILE, also=", lock_timeout: 600")
    rotation = "- hosts: localhost\n  gather_facts: false\n  vars: {0}\n  tasks: [{{nebula.credential.store_key: {{state: rotated}}}}]\n"
    kill_in_the_middle(project, project.write("killed.yml", rotation.format(patient)))
    run = project.play(
        READABLE
        + """
- {name: open, nebula.credential.store_key: {}}
- {name: would, check_mode: true, nebula.credential.store_key: {state: rotated}}
- {name: rotated, nebula.credential.store_key: {state: rotated, compromised: true}}
- {name: done, nebula.credential.store_key: {}}
"""
        + READABLE,
        variables=stores(KEY_FILE),
    ).succeeded()
    assert (run.result("open")["key"]["rotating"], run.result("done")["key"]["rotating"]) == (True, False)
    for name in ("would", "rotated"):
        assert run.result(name)["rotation"]["resumed"] is True
        assert run.result(name)["rotation"]["envelopes"] >= 1
    assert run.result("done")["key"]["former"] == []
    assert key_ids(project) == {run.result("open")["key"]["key_id"]}


def test_a_source_that_is_wrong_or_missing_is_named_with_what_to_do(project):
    """And nothing is changed by the attempt."""
    fill(project)
    project.play("- nebula.credential.store_key:", variables=stores(KEY_FILE, PASSPHRASE)).succeeded()
    before = document(project)
    rotate = "- {name: it, nebula.credential.store_key: {state: rotated}}"
    mistyped = PASSPHRASE.replace("{{ office }}", "{{ office }}x")
    unset = "{source: passphrase, passphrase_env: NOT_SET_ANYWHERE, label: office}"
    for sources, code, words in (
        (
            [KEY_FILE],
            "key_source_unavailable",
            ["'passphrase' (office)", "Add it to 'key_sources'", "'drop_sources' ('passphrase:office')"],
        ),
        ([KEY_FILE, mistyped], "wrong_passphrase", ["'passphrase' (office) does not open the store", "'drop_sources'"]),
        ([mistyped], "wrong_passphrase", ["'passphrase' (office) does not open the store", "give the passphrase"]),
        ([KEY_FILE, unset], "key_source_unavailable", ["'passphrase:office'", "NOT_SET_ANYWHERE is not set", "'drop_sources'"]),
        (["{source: key_file, path: '{{ playbook_dir }}/lost.key'}"], "missing_key", ["lost.key is gone", "Put the file back"]),
    ):
        run = project.play(rotate, variables=stores(*sources))
        message = run.failed()
        assert run.result("it")["code"] == code, message
        assert [word for word in ["option 'key_sources', store 'team'", *words] if word not in message] == [], message
        assert OFFICE not in run.output
    assert document(project) == before
    assert not (project.directory / "lost.key").exists()


def test_a_dropped_source_opens_the_store_no_more(project):
    fill(project)
    project.play("- nebula.credential.store_key:", variables=stores(KEY_FILE, PASSPHRASE)).succeeded()
    run = project.play(
        "- {name: rotated, nebula.credential.store_key: {state: rotated, drop_sources: ['passphrase:office']}}\n" + READABLE,
        variables=stores(KEY_FILE),
    ).succeeded()
    assert run.result("rotated")["rotation"]["dropped"] == ["passphrase:office"]
    assert "It can be opened with: 'key_file'" in project.play(READABLE, variables=stores(PASSPHRASE)).failed()


def test_what_cannot_be_done_says_why(project):
    plain = "{backend: local, path: '{{ playbook_dir }}/plain', format: json, allow_plaintext: true}"
    bad = [
        ("{store: " + plain + "}", ["option 'store', store 'inline'", "not encrypted by this collection", "format: encrypted"]),
        ("{store: " + plain + ", state: rotated}", ["not encrypted by this collection"]),
        ("{store: {backend: memory}, state: rotated}", ["the store ends with its process"]),
        ("{state: rotated}", ["store 'local': the store has no key yet"]),
        ("{state: gone}", ["present, rotated"]),
        ("{compromised: true}", ["option 'compromised'", "state: rotated"]),
        ("{state: rotated, keep_until: soon}", ["option 'keep_until'", "ISO 8601"]),
        ("{state: rotated, drop_sources: [key_file]}", ["option 'drop_sources'", "Remove it from 'key_sources'"]),
        ("{run_on: target}", ["option 'run_on'", "default key"]),
    ]
    tasks = "\n".join(
        "- {{name: bad {0}, ignore_errors: true, nebula.credential.store_key: {1}}}".format(number, arguments)
        for number, (arguments, _words) in enumerate(bad)
    )
    run = project.play(tasks).succeeded()
    for number, (arguments, words) in enumerate(bad):
        result = run.result("bad {0}".format(number))
        assert result["failed"], arguments
        assert [word for word in words if word not in result["msg"]] == [], result["msg"]


def test_on_a_target_the_real_module_rotates(project):
    fill(project)
    run = project.play(
        "- {name: rotated, nebula.credential.store_key: {state: rotated, compromised: true, run_on: target}}\n" + READABLE,
        "-vvvvv",
        variables=stores(KEY_FILE, PASSPHRASE),
    ).succeeded()
    assert run.result("rotated")["rotation"]["envelopes"] == 4
    assert OFFICE not in run.output


def test_several_hosts_at_once_are_enough_for_one_slot(project):
    """Each works on the controller's one store."""
    fill(project)
    project.write("hosts.ini", "\n".join("host{0} ansible_host=192.0.2.1".format(number) for number in range(4)))
    play = "- hosts: all\n  gather_facts: false\n  vars: {0}\n  tasks:\n    - nebula.credential.store_key:\n"
    project.write("hosts.yml", play.format(stores(KEY_FILE, PASSPHRASE)))
    project.run("ansible-playbook", "-i", "hosts.ini", "-f", "4", "hosts.yml").succeeded()
    assert len(document(project)["slots"]) == 2
