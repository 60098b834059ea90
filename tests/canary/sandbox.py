# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place to run a play in, where everything it leaves behind can be searched."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from tests.canary import process_tracer
from tests.canary.search import tree
from tests.canary.syslog_server import SyslogServer

PLAYS = Path(__file__).parent / "plays"
TALKATIVE = Path(__file__).parent / "talkative"
TIMEOUT = 900  # seconds until a run that hangs is killed; no run takes a tenth of it
NONE: Mapping[str, str] = MappingProxyType({})
CALLBACKS = "ansible.builtin.junit,community.general.syslog_json"


@dataclass
class Sandbox:
    """Directories of one run. `given` (the canaries' way in) and `rendered` (files that are meant to hold them) are not searched."""

    root: Path
    collection_root: Path
    output: bytes = b""
    syslog: bytes = b""
    processes: Dict[str, List[Tuple[str, bytes]]] = field(default_factory=dict)
    status: int = 0

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "remote", "facts", "retry", "junit", "given", "rendered", "store", "async"):
            self.path(name).mkdir(mode=0o700, parents=True)

    def path(self, name: str) -> Path:
        """One of the directories."""
        return self.root / name

    def files(self, name: str) -> Iterator[Tuple[str, bytes]]:
        """The files of one directory."""
        return tree(self.path(name))

    def environment(self, more: Mapping[str, str] = NONE) -> Dict[str, str]:
        """Every channel switched on, and nothing of the caller's environment but PATH."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.path("home")),
            "TMPDIR": str(self.path("tmp")),
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(TALKATIVE),
            "NEBULA_CREDENTIAL_SESSION": "true",
            "CANARY_SDK_LOG": str(self.root / "sdk.log"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.collection_root),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_DEBUG": "1",
            "ANSIBLE_VERBOSITY": "5",
            "ANSIBLE_LOG_PATH": str(self.root / "ansible.log"),
            "ANSIBLE_CALLBACKS_ENABLED": CALLBACKS,
            "JUNIT_OUTPUT_DIR": str(self.path("junit")),
            "JUNIT_TASK_RELATIVE_PATH": str(PLAYS),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.path("facts")),
            "ANSIBLE_RETRY_FILES_ENABLED": "1",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.path("retry")),
            "ANSIBLE_KEEP_REMOTE_FILES": "1",
            "ANSIBLE_REMOTE_TMP": str(self.path("remote")),
            "ANSIBLE_ASYNC_DIR": str(self.path("async")),
            "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
            **more,
        }

    def give(self, variables: Mapping[str, Any]) -> Path:
        """Write the canaries into the file through which a play gets them: never a literal, never the environment."""
        file = self.path("given") / "variables.json"
        file.write_text(json.dumps(dict(variables, sandbox=str(self.root), python=sys.executable)), encoding="utf-8")
        file.chmod(0o600)
        return file

    def play(self, name: str, variables: Mapping[str, Any], options: Sequence[str] = (), environment: Mapping[str, str] = NONE) -> int:
        """Run a play of `plays/` and collect what came out. Returns the exit status."""
        command = [
            *("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "@" + str(self.give(variables))),
            *("-e", "ansible_python_interpreter=" + sys.executable, *options, str(PLAYS / name)),
        ]
        self.run(command, environment)
        return self.status

    def run(self, command: Sequence[str], environment: Mapping[str, str] = NONE) -> None:
        """Run a command with every channel on until the last process that it started, a session included, has ended."""
        server = SyslogServer()
        with_syslog = dict(self.environment(environment), SYSLOG_SERVER="127.0.0.1", SYSLOG_PORT=str(server.port))
        with tempfile.TemporaryDirectory() as directory:
            record = Path(directory, "processes.json")
            done = subprocess.run(
                [sys.executable, "-I", process_tracer.__file__, str(record), *command],
                env=with_syslog,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=TIMEOUT,
            )
            assert record.exists(), done.stdout[-3000:].decode("utf-8", "replace")
            for part, contents in json.loads(record.read_text(encoding="ascii")).items():
                place = "/proc/*/{0}".format(part)
                self.processes.setdefault(part, []).extend((place, base64.b64decode(each).replace(b"\0", b"\n")) for each in contents)
        self.output += done.stdout
        self.status = done.returncode
        self.syslog += server.received()
        server.close()


def store_of(sandbox: Sandbox) -> Mapping[str, object]:
    """Return the configuration of a local store in the directories of a sandbox."""
    path = sandbox.path("store") / "credentials"
    return {"backend": "local", "path": str(path), "key_sources": [{"source": "key_file", "path": str(sandbox.path("given") / "key")}]}
