# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run` on a host: a program with secrets in its environment or on its standard input, and none in what it is seen to have said."""

from __future__ import annotations

import glob
import os
import subprocess
from base64 import b64decode
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.run import RUN
from ansible_collections.nebula.credential.plugins.module_utils.context.process import Exchange
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.hosts.module import HostModule, Work, run_host_module
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import SHORTEST, derive_forms

MOST_OUTPUT = 1024 * 1024
"""Bytes of each stream that a result has. What a program writes beyond is read and dropped."""
MASK = b"********"


def run_program_module() -> None:
    """Run the module `run` on the host."""
    run_host_module(RUN, run)


def run(module: HostModule, work: Work) -> Dict[str, Any]:
    """Run the program, unless this is check mode or `creates` and `removes` say that there is nothing to do.

    Args:
        module: the module.
        work: `chdir`, `creates`, `removes`; without check mode `env` (values in base64), `stdin` (base64, or None) and `hidden`,
            the values that are masked (base64).

    Returns:
        `{rc, stdout, stderr, start, end, delta, changed}` with the lines of both streams, and `truncated` if one was cut; or `{skipped,
        changed, rc, msg}`.

    Raises:
        InvalidInput: the directory does not exist, or the program cannot be started.
    """
    directory = _expand(work["chdir"], "chdir") if work["chdir"] else os.getcwd()
    if not os.path.isdir(directory):
        raise InvalidInput("there is no directory {0}".format(ascii(directory)), option="chdir", remedy="Make it before.")
    skipped = _find_reason(work, directory)
    if skipped:
        return {"changed": False, "rc": 0, "msg": skipped, "stdout": skipped, "stderr": "", "stdout_lines": [skipped], "stderr_lines": []}
    if module.check_mode:
        return {"changed": True, "rc": 0, "msg": "It would run.", "stdout": "", "stderr": "", "stdout_lines": [], "stderr_lines": []}
    began = datetime.now(timezone.utc)
    hidden = _Hidden(work["hidden"])
    status, output, errors = _run(module.params["argv"], work, directory, MOST_OUTPUT + hidden.longest)
    ended = datetime.now(timezone.utc)
    times = {"start": began.isoformat(), "end": ended.isoformat(), "delta": str(ended - began)}
    return {"changed": True, "rc": status, **times, **_describe_streams({"stdout": output, "stderr": errors}, hidden)}


def _expand(path: str, option: str) -> str:
    """Return a path with the home and the variables of the task's user in place, as ansible-core's modules read one."""
    return expand_home(os.path.expandvars(path), option)


def _find_reason(work: Work, directory: str) -> str:
    """Return why there is nothing to do; empty if there is something."""
    for option, is_there in (("creates", True), ("removes", False)):
        pattern = work[option]
        if pattern and bool(glob.glob(os.path.join(directory, _expand(pattern, option)))) == is_there:
            return "skipped, since {0} {1}".format(pattern, "exists" if is_there else "does not exist")
    return ""


class _Hidden:
    """The byte strings that reveal the values which no output may show, the longest first."""

    def __init__(self, values: Iterable[str]) -> None:
        """Take the values, in base64."""
        self.forms = sorted({form for value in values for form in _list_forms(value)}, key=len, reverse=True)
        self.longest = len(self.forms[0]) if self.forms else 0


def _run(argv: Sequence[str], work: Work, directory: str, most: int) -> Tuple[int, bytes, bytes]:
    environment = {**os.environb, **{os.fsencode(name): b64decode(value) for name, value in work["env"].items()}}
    given = b"" if work["stdin"] is None else b64decode(work["stdin"])
    process = _start(argv, environment, directory)
    try:
        output, errors = Exchange(process, given, {"stdout": most, "stderr": most}).carry_out(float("inf"))
        return process.wait(), output, errors
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _start(argv: Sequence[str], environment: Mapping[bytes, bytes], directory: str) -> subprocess.Popen[bytes]:
    try:
        pipe = subprocess.PIPE
        return subprocess.Popen(list(argv), stdin=pipe, stdout=pipe, stderr=pipe, cwd=directory, env=environment)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "a variable holds a zero byte"
        what = "the program {0} cannot be started: {1}".format(ascii(argv[0]), reason)
        raise InvalidInput(what, option="argv", remedy="Name a program that the user of the task may execute.") from None


def _describe_streams(streams: Mapping[str, bytes], hidden: _Hidden) -> Dict[str, Any]:
    described: Dict[str, Any] = {}
    truncated: List[str] = []
    for name, content in streams.items():
        masked = content
        for form in hidden.forms:
            masked = masked.replace(form, MASK)
        if len(content) == MOST_OUTPUT + hidden.longest:
            # The stream was cut, perhaps within a secret: what is left of it is in the last bytes.
            masked = masked[: len(masked) - hidden.longest]
            truncated.append(name)
        text = masked[:MOST_OUTPUT].decode("utf-8", "replace").rstrip("\r\n")
        described.update({name: text, name + "_lines": text.splitlines()})
    return {**described, "truncated": truncated}


def _list_forms(encoded: str) -> List[bytes]:
    """Return the byte strings that reveal a value, which is given in base64. Short ones occur in too much innocent text."""
    value = b64decode(encoded)
    if len(value) < SHORTEST:
        return []
    forms = {value, value.strip(), *(form.encode("utf-8") for form in derive_forms(value)), value.hex().encode("ascii")}
    return [form for form in forms if len(form) >= SHORTEST]
