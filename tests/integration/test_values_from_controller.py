# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that a task takes from a file of the controller, and from a person at the terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time

import pytest

SHOW = "- {{name: show, ansible.builtin.debug: {{msg: \"{{{{ lookup('nebula.credential.get', '{0}', encoding='base64') }}}}\"}}}}\n"


def test_a_file_is_stored_byte_by_byte_and_once(project):
    project.write("files/key.pem", "line one\nline two\n")
    (project.directory / "files" / "key.p12").write_bytes(b"\x80\xff\0")
    task = "- {{name: {0}, nebula.credential.credential: {{name: {0}, value_from: {{file: {1}}}}}}}\n"
    tasks = task.format("text", "key.pem") + task.format("binary", "key.p12")
    tasks += "- {name: several, nebula.credential.credential: {credentials: [{name: text, value_from: {file: key.pem}}]}}\n"
    tasks += "- {name: missing, nebula.credential.credential: {name: x, value_from: {file: not.there}}, ignore_errors: true}\n"
    run = project.play(tasks + SHOW.format("binary")).succeeded()
    assert [run.result(name)["changed"] for name in ("text", "binary", "several")] == [True, True, False]
    assert run.result("show")["msg"] == "gP8A"
    assert "option 'value_from.file', credential 'x': the file 'not.there' cannot be read" in run.result("missing")["msg"]
    assert "is searched beside the playbook and the role" in run.result("missing")["msg"]
    assert "line one" not in run.output
    assert project.play("- ansible.builtin.assert: {that: \"lookup('nebula.credential.get', 'text') | length == 18\"}\n").succeeded()


def test_a_host_reads_nothing_of_the_controller(project):
    failed = project.play("- nebula.credential.credential: {name: x, value_from: {file: a}, run_on: target}\n").failed()
    assert "option 'value_from', credential 'x'" in failed
    assert "it is read on the controller" in failed


def test_a_prompt_without_a_terminal_fails_and_stores_nothing(project):
    failed = project.play("- nebula.credential.credential: {name: x, prompt: true}\n").failed()
    assert "there is no terminal to prompt at" in failed
    kept = project.play(
        "- nebula.credential.credential: {name: y, value: word}\n"
        "- {name: kept, nebula.credential.credential: {name: y, prompt: true, overwrite: false}}\n"
        "- {name: look, nebula.credential.credential_info: {names: [x]}}\n"
    ).succeeded()
    assert kept.result("kept")["changed"] is False
    assert kept.result("look")["missing"] == ["x"]


def test_a_vars_prompt_without_a_terminal_stores_nothing(project):
    header = "  vars_prompt: [{name: entered, prompt: Password}]\n"
    failed = project.play("- nebula.credential.credential: {name: x, value: '{{ entered }}'}\n", header=header).failed()
    assert "vars_prompt without a terminal" in failed


@pytest.mark.parametrize(("entered", "stored"), [(("word-of-ann", "word-of-ann"), True), (("word-of-ann", "another"), False)])
def test_a_person_enters_a_value_twice_and_it_is_not_shown(project, entered, stored):
    path = project.write(
        "site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - nebula.credential.credential: {name: x, prompt: true}\n"
    )
    output, status = _run_at_terminal(["ansible-playbook", str(path)], project.directory, entered)
    assert (status == 0) is stored, output
    assert not any(word in output for word in entered)
    assert stored or "the two entries differ" in output
    check = "lookup('nebula.credential.get', 'x', default='none') == '{0}'".format("word-of-ann" if stored else "none")
    project.play('- ansible.builtin.assert: {that: "' + check + '"}\n').succeeded()


def _run_at_terminal(command, directory, lines):
    """Run a command at a terminal of its own, enter a line after each prompt, and return its output and status."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(directory)
        os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        os.execvp(command[0], command)  # noqa: S606  # a program, not a shell
    output, entered, deadline = "", 0, time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 2)[0]:
            try:
                output += os.read(terminal, 4096).decode("utf-8", "replace")
            except OSError:  # the other end is closed
                break
        elif output.lower().count("value of credential 'x'") > entered:
            # Entered before the prompt reads, it is lost: so after a pause, and again if nothing comes.
            os.write(terminal, lines[entered].encode() + b"\r")
            entered += bool(select.select([terminal], [], [], 5)[0])
    else:
        os.kill(process, signal.SIGKILL)
    return output, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
