# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`kill -9` of `ansible-playbook` at every step of a rotation of every target, and a run from another working directory after it.

The fast profile kills one run of each kind of target; the long one kills at every moment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Type

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import is_third_party, option_of
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

from .harness import TargetService
from .rotated import NAME, Rotated
from .rows import name_kill, note_row, read_rows
from .services import LONG, SERVICES, find_label

MOST_MOMENTS = 80
PLUGINS = Path(__file__).with_name("callback_plugins")
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


class Site:
    """A store in a directory, and runs of `ansible-playbook`, each from a working directory of its own."""

    def __init__(self, directory: Path, service: TargetService) -> None:
        self.directory, self.service, self.runs = directory, service, 0
        self.store = {"backend": "local", "path": str(directory / "store")}
        task = {"name": NAME, "target": service.kind, option_of(service.kind): service.options(), "store": self.store}
        play = {"hosts": "localhost", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
        self.play = [{**play, "tasks": [{"nebula.credential.credential_rotate": {**task, **service.parameters()}}]}]

    def run(self, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
        self.runs += 1
        here = self.directory / "run-{}".format(self.runs)
        here.mkdir()
        if is_third_party(self.service.kind):
            (here / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
            (here / "nebula.yml").write_text("extensions: [{}]\n".format(self.service.kind), encoding="utf-8")
        (here / "play.json").write_text(json.dumps(self.play), encoding="utf-8")
        around = {"ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS), "ANSIBLE_CALLBACKS_ENABLED": "killer", "NEBULA_TEST_KILL_AT": str(kill_at)}
        command: List[str] = [*self.service.place(), str(PLAYBOOK), "-i", "localhost,", "-c", "local", "play.json"]
        environment: Dict[str, str] = {**os.environ, **(around if kill_at else {})}
        return subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=600, check=False)


def kill_and_resume(service: Type[TargetService], directory: Path, moment: int) -> bool:
    """Kill a run at that moment, and let others finish. Return False if the run ended before the moment came."""
    (directory / "account").mkdir(parents=True)
    account = service(directory / "account")
    account.start()
    try:
        site = Site(directory, account)
        manager = open_store(site.store)
        world: Any = Rotated(account, directory, manager.backend, datetime.now(timezone.utc))
        killed = site.run(moment)
        if killed.returncode != -signal.SIGKILL:
            assert killed.returncode == 0, killed.stdout + killed.stderr
            return False
        world.check()
        again = site.run()
        assert again.returncode in (0, 2), again.stdout + again.stderr
        world.check()
        assert account.opens(world.values()["current"])
        world.finish()
        manager.close()
        return True
    finally:
        account.stop()


@pytest.mark.parametrize("service", SERVICES if LONG else SERVICES[:1], ids=find_label)
def test_a_run_that_is_killed_at_any_step_is_finished_by_another_one(service: Type[TargetService], tmp_path: Path) -> None:
    held = read_rows() if LONG else frozenset()
    moments = range(1, MOST_MOMENTS) if LONG else (9,)
    for moment in moments:
        row = name_kill(service, moment)
        if row in held:
            continue
        if not kill_and_resume(service, tmp_path / str(moment), moment):
            assert LONG, "the run ended before it was killed"
            break
        if LONG:
            note_row(row)
    else:
        assert not LONG, "the run has more moments than that"
