# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a secret could come out, as a table. Each channel names the planted leak that shows that the search would find one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Tuple

from tests.canary.sandbox import Sandbox
from tests.canary.search import tree

Blobs = Iterator[Tuple[str, bytes]]


@dataclass(frozen=True)
class Channel:
    """A way out: how to read it after a run, and the tag of the task in plays/planted.yml that leaks into it."""

    name: str
    read: Callable[[Sandbox], Blobs]
    planted_by: str
    options: Tuple[str, ...] = ()


def _output(sandbox: Sandbox) -> Blobs:
    yield "stdout and stderr", sandbox.output


def _syslog(sandbox: Sandbox) -> Blobs:
    yield "syslog", sandbox.syslog


def _log_file(sandbox: Sandbox) -> Blobs:
    log = sandbox.root / "ansible.log"
    yield "ansible.log", log.read_bytes() if log.exists() else b""


def _sdk_log(sandbox: Sandbox) -> Blobs:
    log = sandbox.root / "sdk.log"
    yield "sdk.log", log.read_bytes() if log.exists() else b""


def _files(name: str) -> Callable[[Sandbox], Blobs]:
    return lambda sandbox: sandbox.files(name)


def _processes(part: str) -> Callable[[Sandbox], Blobs]:
    return lambda sandbox: iter(sandbox.processes[part])


CHANNELS = (
    Channel("output", _output, "output"),
    Channel("output of a diff", _output, "diff", ("--diff",)),
    Channel("output of check mode", _output, "diff", ("--check", "--diff")),
    Channel("loop labels", _output, "loop"),
    Channel("failures and tracebacks", _output, "failure"),
    Channel("rescue blocks", _output, "rescue"),
    Channel("log file", _log_file, "output"),
    Channel("what SDKs log", _sdk_log, "logging"),
    Channel("callback junit", _files("junit"), "output"),
    Channel("callback syslog", _syslog, "output"),
    Channel("fact cache", _files("facts"), "facts"),
    Channel("retry files", _files("retry"), "retry"),
    Channel("home", _files("home"), "home"),
    Channel("async results", _files("async"), "async"),
    Channel("temporary files", _files("tmp"), "temporary"),
    Channel("kept remote files", _files("remote"), "payload"),
    Channel("command lines", _processes("cmdline"), "command"),
    Channel("environments", _processes("environ"), "environment"),
    Channel("store and audit trail", _files("store"), "store"),
)


def everywhere(sandbox: Sandbox) -> Blobs:
    """All that a run left, by whatever channel, without what is meant to hold secrets."""
    yield from _output(sandbox)
    yield from _syslog(sandbox)
    yield from tree(sandbox.root, leave_out=[sandbox.path("given"), sandbox.path("rendered")])
    yield from _processes("cmdline")(sandbox)
    yield from _processes("environ")(sandbox)
