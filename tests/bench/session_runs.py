# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays that are measured: what a task asks for is the only thing in which two of them differ."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

from tests.backends.environment import PREFIXES

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
FOREIGN = ("PYTHONDONTWRITEBYTECODE", "ANSIBLE_", "NEBULA_CREDENTIAL", "XDG_", "K8S_", *PREFIXES)
CALLBACK = {"ANSIBLE_CALLBACKS_ENABLED": "nebula.credential.session"}


@dataclass(frozen=True)
class Play:
    """So many hosts and tasks; task number t asks for secret number t modulo `secrets`."""

    title: str
    hosts: int
    tasks: int
    secrets: int
    forks: int
    rounds: int
    """How often ours and the constant are run, in turns."""
    together: bool = False
    """Each task asks for all secrets, with one lookup."""


@dataclass(frozen=True)
class Way:
    """One way to a value.

    Attributes:
        label: for people.
        task: the body of a task that asks for a secret, YAML in one line.
        variables: of all hosts.
        logins: how often the server was asked for a login since `start_over`; None where there is no server.
        reads: the same for secrets.
        start_over: has the server count anew.
        environment: of the run.
        store: what `nebula.yml` has as its default store.
        rounds: whether it is run as often as the constant, or once.
        requests: how many requests the server has counted so far, of any kind.
        write: the body of a task that writes a secret for the variable `item`; empty if it has none.
        many: the body of a task that asks for several secrets with one lookup; None if it has no such lookup.
    """

    label: str
    task: Callable[[str], str]
    variables: Mapping[str, Any]
    logins: Callable[[], int] | None = None
    reads: Callable[[], int] | None = None
    start_over: Callable[[], None] = lambda: None
    environment: Mapping[str, str] | None = None
    store: Mapping[str, Any] | None = None
    is_peer: bool = False
    requests: Callable[[], int] | None = None
    write: str = ""
    many: Callable[[Sequence[str]], str] | None = None


@dataclass
class Measured:
    """What one way of a play came to: seconds of each round, and what the server counted in the dearest of them."""

    way: Way
    seconds: List[float]
    logins: int | None = None
    reads: int | None = None

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.seconds)


def debug(expression: str) -> str:
    """A task that evaluates an expression and does nothing else."""
    return '{{name: ask, ansible.builtin.debug: {{msg: "{{{{ ({0}) is none }}}}"}}}}'.format(expression)


def our_lookup(name: str) -> str:
    """The same task for every backend."""
    return debug("lookup('nebula.credential.get', '{0}')".format(name))


def our_lookup_of_many(names: Sequence[str]) -> str:
    """The same task for every backend, for several secrets."""
    return debug("lookup('nebula.credential.get_many', {0})".format(", ".join("'{0}'".format(name) for name in names)))


def environment(home: Path, way: Way) -> Dict[str, str]:
    """That of this process without what would decide for it, and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    paths = {"HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], "ANSIBLE_LOCAL_TEMP": str(home / "tmp")}
    return {**kept, **paths, "NEBULA_CREDENTIAL_SESSION": "true", "ANSIBLE_NOCOLOR": "true", **(way.environment or {})}


def run(directory: Path, text: str, hosts: int, forks: int, way: Way) -> float:
    """Seconds of one run, the start and the end of Python included."""
    inventory = "".join("host{0:03d}\n".format(each) for each in range(hosts))
    (directory / "hosts.ini").write_text(inventory, encoding="ascii")
    (directory / "site.yml").write_text(text, encoding="utf-8")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (directory / "group_vars").mkdir(exist_ok=True)
    (directory / "group_vars" / "all.json").write_text(json.dumps({**local, **way.variables}), encoding="utf-8")
    stores = {"default": "prod", "stores": {"prod": way.store}} if way.store else {}
    (directory / "nebula.yml").write_text(json.dumps(stores), encoding="utf-8")
    (directory / "ansible.cfg").write_text("[defaults]\n", encoding="ascii")
    command = [str(PLAYBOOK), "-i", "hosts.ini", "-f", str(forks), "site.yml"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=directory, env=environment(directory, way), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError("{0} failed:\n{1}\n{2}".format(way.label, done.stdout[-3000:], done.stderr[-3000:]))
    return seconds


def playbook(tasks: Sequence[str]) -> str:
    """A play of these tasks on all hosts."""
    return "- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join("    - {0}\n".format(task) for task in tasks)


def measure(directory: Path, play: Play, ways: Sequence[Way], tasks: Callable[[Way], Sequence[str]]) -> List[Measured]:
    """Run every way of a play, in turns, so that all meet the same machine; peers once."""
    found = [Measured(way, []) for way in ways]
    for turn in range(play.rounds):
        for measured in found:
            if turn and measured.way.is_peer:
                continue
            way = measured.way
            way.start_over()
            measured.seconds.append(run(directory, playbook(tasks(way)), play.hosts, play.forks, way))
            measured.logins = _more(measured.logins, way.logins)
            measured.reads = _more(measured.reads, way.reads)
    return found


def _more(known: int | None, count: Callable[[], int] | None) -> int | None:
    return known if count is None else max(known or 0, count())
