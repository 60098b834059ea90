# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration that comes through a pipe: `NEBULA_CREDENTIAL_CONFIG=<(sops -d nebula.yml) ansible-playbook …`."""

from __future__ import annotations

import hashlib
import json
import os
import sys

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import pipe_reader
from tests.integration.namespaces import play

READ = "- ansible.builtin.debug: {msg: \"digest: {{ lookup('nebula.credential.get', 'a') | hash('sha256') }}\"}"
WRITE = "- nebula.credential.credential: {name: a, value: v4lue, state: present}"
VALUE = "digest: " + hashlib.sha256(b"v4lue").hexdigest()
"""What READ shows: ansible-core 2.22 masks the value itself."""
CONTENT = {
    "default": "piped",
    "stores": {"piped": {"backend": "local", "path": "here", "key_sources": [{"source": "passphrase", "passphrase": "c4nary-passphrase"}]}},
}


def through_pipe(command):
    """Words before a command that give it the output of another one as its configuration. bash makes the pipe."""
    return ("bash", "-c", 'NEBULA_CREDENTIAL_CONFIG=<({0}) exec "$@"'.format(command), "bash")


@pytest.fixture
def decrypted(project):
    """A command that prints the configuration, and notes in `runs` that it was started."""
    project.write("content", json.dumps(CONTENT))
    return "echo x >> runs; sleep 0.3; cat content"


def test_it_is_read_once_for_all_workers_and_plugins(project, decrypted):
    tasks = "\n".join([WRITE, READ, "- {ansible.builtin.debug: {msg: second}, loop: [1, 2]}", READ, WRITE.replace("name: a", "name: b")])
    run = play(project, tasks, through=through_pipe(decrypted)).succeeded()
    assert run.output.count(VALUE) == 2
    assert "WARNING" not in run.output
    assert (project.directory / "runs").read_text() == "x\n"
    assert (project.directory / "here").is_dir(), "a relative path starts at the current directory"
    assert not [
        path for path in project.directory.rglob("*") if path.is_file() and path.name != "content" and b"c4nary" in path.read_bytes()
    ]


def test_many_hosts_ask_at_once(project, decrypted):
    play(project, WRITE, through=through_pipe(decrypted)).succeeded()
    hosts = "".join("h{0} ansible_connection=local ansible_python_interpreter={1}\n".format(each, sys.executable) for each in range(6))
    inventory = str(project.write("hosts.ini", hosts))
    book = "- hosts: all\n  gather_facts: false\n  tasks:\n    " + READ
    run = play(project, READ, str(project.write("all.yml", book)), "-i", inventory, "-f", "6", through=through_pipe(decrypted)).succeeded()
    assert run.output.count(VALUE) == 7


def test_a_named_pipe_is_read_too(project):
    os.mkfifo(project.directory / "pipe", 0o600)
    writer = '(cat content > pipe) & NEBULA_CREDENTIAL_CONFIG=$PWD/pipe "$@"'
    project.write("content", json.dumps(CONTENT))
    run = play(project, WRITE + "\n" + READ, through=("sh", "-c", writer, "sh")).succeeded()
    assert VALUE in run.output


def test_without_a_session_it_is_refused_with_the_reason(project, decrypted):
    run = play(project, READ, through=through_pipe(decrypted), NEBULA_CREDENTIAL_SESSION="false")
    assert "is a pipe, which can be read only once, and this run has no session" in run.failed()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("false", "nothing came out of it"),
        ("printf '\\377'", "not text in UTF-8"),
        ("head -c 2000000 /dev/zero", "more than 1048576 bytes"),
        ("echo '{session: {ttl: 1}}'", "'session' cannot come through a pipe"),
        ("echo '{c4nary: [}'", "is not valid YAML at line 1, column 11"),
        ("echo '{defaults: x}'", "has no key 'defaults' at its top"),
    ],
)
def test_what_is_no_configuration_is_refused_with_the_reason(project, command, says):
    run = play(project, READ, through=through_pipe(command))
    assert says in run.failed()
    assert "c4nary" not in run.output


def test_an_end_that_never_comes_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(pipe_reader, "READ_TIMEOUT", 1)
    reading, writing = os.pipe()
    os.write(writing, b"default: x\n")
    assert pipe_reader.PipeReader(reading).wait() == {"failure": "its other end did not finish within 1 s"}
    os.close(writing)
