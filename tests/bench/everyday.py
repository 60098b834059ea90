# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people do every day: a value by hand beside pass and ansible-vault, secrets on 300 hosts, and all of 10,000 names.

`python -m tests.bench.everyday`, part of `make bench`. Prints figures and asserts nothing. NEBULA_BENCH_SCALE=0.01 makes it quick.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from tests.backends.discovery import DECLARED
from tests.bench import peers
from tests.bench.bulk import load
from tests.bench.measuring import Times, Used, figure, milliseconds, once, print_memory, ratio, run_measured, title
from tests.bench.network import perform
from tests.bench.stores import open_store, wanted
from tests.conftest import CHECKOUT
from tests.integration.ansible_run import PROGRAMS
from tests.integration.counted import Counted
from tests.servers.processes import ServerUnavailable

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
HOSTS, NAMES, FILES = max(3, int(300 * SCALE)), max(20, int(10_000 * SCALE)), 100
FORKS = 20
VALUE = "a value of thirty-two characters"
COMMAND = [sys.executable, "-c", "import sys; from nebula_credential_cli import start; sys.exit(start.run_command())"]
OURS = "nebula-credential get"
BY_HAND = ("ansible-vault view, the command", "pass show, the command (pass and gpg)")
MENTION = "{{{{ lookup('nebula.credential.get', '{0}') | length }}}}"
ON_HOSTS: Mapping[str, Mapping[str, Any]] = {
    "a constant, ansible.builtin.copy": {"ansible.builtin.copy": {"content": VALUE, "dest": "{{ out }}", "mode": "0600"}},
    "deploy": {"nebula.credential.deploy": {"credential": "db", "dest": "{{ out }}"}},
    "a constant, ansible.builtin.command": {"ansible.builtin.command": {"argv": ["true"]}, "environment": {"DB": VALUE}},
    "run": {"nebula.credential.run": {"argv": ["true"], "env": {"DB": {"credential": "db"}}}},
}
"""Tasks, each with what it is measured beside in the line above it."""


class Place:
    """A directory of plays, whose home has the keys of its stores."""

    def __init__(self, directory: Path) -> None:
        """Make the directory the home, for the processes that are started, too."""
        self.directory = directory
        directory.mkdir(mode=0o700)
        wheel = str(CHECKOUT / "extras" / "cli")
        os.environ.update(HOME=str(directory), XDG_CONFIG_HOME=str(directory / ".config"), XDG_STATE_HOME=str(directory / ".state"))
        os.environ.update(PYTHONPATH=wheel, ANSIBLE_PYTHON_INTERPRETER=sys.executable)
        self.write("ansible.cfg", "[defaults]\nforks = {0}\n".format(FORKS))

    def write(self, name: str, content: Any) -> None:
        """Write a private file: text, or JSON of anything else."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        path.chmod(0o600)

    def configure(self, stores: Mapping[str, Mapping[str, Any]]) -> None:
        """Write nebula.yml with these stores, of which the first is the default."""
        self.write("nebula.yml", {"default": next(iter(stores)), "stores": stores})

    def play(self, tasks: Sequence[Mapping[str, Any]], inventory: str = "localhost,") -> Used:
        """Run a play of these tasks on all hosts of the inventory, here."""
        play = {
            "hosts": "all",
            "gather_facts": False,
            "tasks": list(tasks),
            "vars": {"out": "{{ playbook_dir }}/out-{{ inventory_hostname }}"},
        }
        self.write("site.json", [play])
        return run_measured([str(PROGRAMS / "ansible-playbook"), "-i", inventory, "-c", "local", "site.json"], self.directory)


def bench_by_hand(place: Place) -> None:
    """A value by the commands, in turns, so that all meet the same machine."""
    title("One value by hand, {0} times".format(peers.REPEATED))
    config = {"backend": "local", "path": str(place.directory / "store")}
    open_store(config).create(wanted("one", VALUE))
    place.configure({"local": config})

    def read(_turn: Any) -> Any:
        return subprocess.run([*COMMAND, "get", "one"], cwd=place.directory, check=True, stdout=subprocess.DEVNULL)

    theirs = {name: peers.PEERS[name](place.directory, VALUE) for name in BY_HAND}
    ways: Dict[str, Callable[[Any], Any]] = {OURS: read, **{name: way for name, way in theirs.items() if way is not None}}
    found: Dict[str, List[float]] = {name: [] for name in ways}
    for turn in range(peers.REPEATED):
        for name, way in ways.items():
            found[name].append(once(lambda way=way, turn=turn: way(turn)))  # type: ignore[misc]
    medians = {name: Times(seconds).median for name, seconds in found.items()}
    figure(OURS + ", p50", milliseconds(medians[OURS]), "< 300 ms")
    for name in BY_HAND:
        figure(name + ", p50", milliseconds(medians[name]) if name in medians else "not installed")
        if name in medians:
            figure("  it takes as long as so many of ours", "{0:.2f}".format(medians[name] / medians[OURS]))


def bench_hosts(place: Place, counted: Counted) -> None:
    """A file and a command on each of many hosts, beside the same task with a constant."""
    title("{0} hosts, {1} forks, a store on a server".format(HOSTS, FORKS))
    place.configure({"prod": counted.configured()})
    place.write("hosts.ini", "".join("h{0:03d}\n".format(number) for number in range(HOSTS)))
    open_store(counted.configured()).create(wanted("db", VALUE))
    beside = 0.0
    for what, task in ON_HOSTS.items():
        counted.start_over()
        used = place.play([task], "hosts.ini")
        figure(what + ": seconds", "{0:.1f}".format(used.seconds))
        if what.startswith("a constant"):
            beside = used.seconds
            continue
        figure("  beside the constant", ratio(used.seconds, beside))
        figure(what + ": logins", str(counted.logins()), "1")
        figure(what + ": requests of the server", str(counted.requests()))
        print_memory(what, used)


def bench_names(place: Place, counted: Optional[Counted]) -> None:
    """All names of a local store: listed, looked for in plays before a run, and copied to a store on a server."""
    title("{0:,} names in a local store".format(NAMES))
    kind = next(kind for kind in DECLARED if kind.label == "local-encrypted")
    config = kind.configuration(place.directory, key_sources=[{"source": "key_file", "path": str(place.directory / "store.key")}])
    stores = {"prod": config, "spare": {"backend": "local", "path": str(place.directory / "spare")}}
    store = open_store(config)
    names = ["team{0:02d}/service{1:06d}".format(index % 50, index) for index in range(NAMES)]
    perform(store, "credential", {"name": names[0], "value": VALUE})
    load(kind, store, names[0], {name: {} for name in names[1:]})
    store.backend.close()
    place.configure(stores)
    used = run_measured([*COMMAND, "ls"], place.directory)
    figure("nebula-credential ls: seconds", "{0:.1f}".format(used.seconds))
    figure("nebula-credential ls: memory, MiB", "{0:.0f}".format(used.process))
    _mention(place, names)
    used = run_measured([*COMMAND, "preflight", "site.json"], place.directory)
    figure("nebula-credential preflight, {0} files: seconds".format(FILES + 1), "{0:.1f}".format(used.seconds))
    figure("nebula-credential preflight: memory, MiB", "{0:.0f}".format(used.process))
    _mirror(place, {**stores, "prod": {**config, "mirror": ["spare"]}}, "a local store", None)
    if counted is not None:
        _mirror(place, {"prod": {**config, "mirror": ["far"]}, "far": counted.configured()}, "a store on a server", counted)


def _mention(place: Place, names: Sequence[str]) -> None:
    """Write a play of many files that together read all names."""
    for number in range(FILES):
        tasks = [{"ansible.builtin.debug": {"msg": MENTION.format(name)}} for name in names[number::FILES]]
        place.write("tasks/t{0:03d}.json".format(number), tasks)
    imported = [{"ansible.builtin.import_tasks": "tasks/t{0:03d}.json".format(number)} for number in range(FILES)]
    place.write("site.json", [{"hosts": "all", "gather_facts": False, "tasks": imported}])


def _mirror(place: Place, stores: Mapping[str, Mapping[str, Any]], where: str, counted: Optional[Counted]) -> None:
    place.configure(stores)
    for what in ("sync to {0}".format(where), "the same when nothing has changed"):
        if counted:
            counted.start_over()
        used = place.play([{"nebula.credential.sync": {}}])
        figure(what + ": seconds", "{0:.1f}".format(used.seconds))
        if counted:
            figure("  requests of the server", "{0:,}".format(counted.requests()))
        print_memory(" ", used)


def main() -> None:
    """Measure all of it; what needs the server is left out where there is none."""
    try:
        counted: Optional[Counted] = Counted()
    except ServerUnavailable as missing:
        print(missing)
        counted = None
    with tempfile.TemporaryDirectory(prefix="nb-") as root:
        bench_by_hand(Place(Path(root, "hand")))
        if counted is not None:
            bench_hosts(Place(Path(root, "hosts")), counted)
        bench_names(Place(Path(root, "names")), counted)


if __name__ == "__main__":
    main()
