# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One login and one fetch for each program that runs Ansible: ad hoc, console, runner, inventory, and its own Python."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

from tests.conftest import cannot_run
from tests.integration.counted import ON, VALUE, read
from tests.integration.sessions import wait_until_over

MESSAGE = "msg={{ lookup('nebula.credential.get', 'a') | length }}"


def interpreted(project, *arguments, stdin=""):
    """Run a Python program, wait for the session that it had to end, and answer what it printed."""
    extra = {
        "ANSIBLE_CONFIG": str(project.directory / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(project.home / "tmp"),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    }
    started = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=project.directory,
        env={**os.environ, **ON, **extra},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _nothing = started.communicate(stdin)
    wait_until_over(started.pid)
    assert started.returncode == 0, output
    return output


def test_an_ad_hoc_command_on_many_hosts(project, counted):
    """It is a play of one task."""
    hosts = ",".join("host{0}".format(number) for number in range(6)) + ","
    run = project.run("ansible", "all", "-i", hosts, "-c", "local", "-f", "6", "-m", "debug", "-a", MESSAGE, **ON).succeeded()
    assert run.output.count('"msg": "{0}"'.format(len(VALUE) + 1)) + run.output.count('"msg": {0}'.format(len(VALUE) + 1)) == 6
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


def test_the_commands_of_a_console_share_one(project, counted):
    """They are runs of one process, so the session outlives each."""
    program = os.path.join(os.path.dirname(sys.executable), "ansible-console")
    commands = "debug {0}\ndebug {0}\ndebug {1}\nexit\n".format(MESSAGE, MESSAGE.replace("'a'", "'b'"))
    output = interpreted(project, program, "-i", "one,two,", "-c", "local", "all", stdin=commands)
    assert output.count("SUCCESS") == 6, output
    assert (counted.logins(), counted.reads()) == (1, {"a": 1, "b": 1})


def test_the_runner_of_awx(project, counted):
    """It starts ansible-playbook, with a directory of its own for everything; none of its artifacts holds the value."""
    if importlib.util.find_spec("ansible_runner") is None:
        cannot_run("the Python package ansible-runner is not installed")
    project.write("runner/project/site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    {0}\n    {0}\n".format(read("a")))
    project.write("runner/inventory/hosts", "one ansible_connection=local\ntwo ansible_connection=local\n")
    program = "import ansible_runner; r = ansible_runner.run(private_data_dir='runner', playbook='site.yml', quiet=True)"
    output = interpreted(project, "-c", program + "; print(r.status, r.stdout.read())")
    assert output.startswith("successful"), output
    artifacts = [path.read_bytes() for path in (project.directory / "runner" / "artifacts").rglob("*") if path.is_file()]
    assert artifacts
    assert not any((VALUE + "a").encode() in content.replace(read("a").encode(), b"") for content in artifacts)
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


CONSTRUCTED = """
plugin: ansible.builtin.constructed
strict: true
use_extra_vars: true
compose:
  told: lookup('nebula.credential.get', 'a') | length
groups:
  known: lookup('nebula.credential.get', 'a') is search('v4lue')
"""


def test_inventory_plugins_ask_the_same_session_as_the_workers(project, counted):
    """They work in the controller itself, before there is any worker."""
    project.write("inventory/1.ini", "one ansible_connection=local\ntwo ansible_connection=local\n")
    project.write("inventory/2.yml", CONSTRUCTED)
    project.write("site.yml", "- hosts: known\n  gather_facts: false\n  tasks:\n    {0}\n".format(read("a")))
    run = project.run("ansible-playbook", "-i", "inventory", "site.yml", **ON).succeeded()
    assert len(run.results) == 2
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})
    counted.start_over()
    listed = json.loads(project.run("ansible-inventory", "-i", "inventory", "--list", **ON).succeeded().output)
    assert listed["_meta"]["hostvars"]["two"]["told"] == len(VALUE) + 1
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


EMBEDDED = """
import sys
from ansible import context
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import init_plugin_loader
from ansible.template import trust_as_template
from ansible.vars.manager import VariableManager

context.CLIARGS = ImmutableDict(connection="local", forks=4, become=None, become_method=None, become_user=None, check=False, diff=False,
                                verbosity=0, syntax=None, start_at_task=None, listtasks=None, listtags=None, listhosts=None, subset=None,
                                tags=["all"], skip_tags=[])
init_plugin_loader([])


def run():
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources="one,two,three,")
    variables = VariableManager(loader=loader, inventory=inventory)
    said = trust_as_template("{{ lookup('nebula.credential.get', 'a') | length }}")
    tasks = [{"name": "read", "ansible.builtin.debug": {"msg": said}}] * 2
    play = Play().load({"hosts": "all", "gather_facts": False, "tasks": tasks}, variable_manager=variables, loader=loader)
    manager = TaskQueueManager(inventory=inventory, variable_manager=variables, loader=loader, passwords={}, forks=4)
    try:
        return manager.run(play)
    finally:
        manager.cleanup()


MAIN
"""


def test_two_runs_in_one_process_share_one(project, counted):
    """A process that embeds Ansible is the run; each of its plays asks the same session."""
    program = project.write("embedded.py", EMBEDDED.replace("MAIN", "sys.exit(run() or run())"))
    interpreted(project, str(program))
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


def test_processes_that_embed_ansible_have_one_each(project, counted):
    """Also those that somebody forked: a run is not shared with who started it."""
    main = """
import multiprocessing
fork = multiprocessing.get_context("fork")
children = [fork.Process(target=lambda: sys.exit(run())) for _ in range(2)]
[child.start() for child in children]
[child.join() for child in children]
sys.exit(run() or max(child.exitcode for child in children))
"""
    program = project.write("embedded.py", EMBEDDED.replace("MAIN", main))
    interpreted(project, str(program))
    assert (counted.logins(), counted.reads()) == (3, {"a": 3})
