# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real RabbitMQ with its management API, on 127.0.0.1 and random ports. It starts in 10 seconds, so only the long profile has one.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.rabbitmq start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence, Tuple

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

STARTS_SLOWLY = True
"""Only the long profile tests what every server promises (see once.py)."""
SUPERUSER = "tester"
# Not the wrapper on PATH, which insists on an account of its own.
PROGRAM, NAMES_SERVICE = "/usr/lib/rabbitmq/bin/rabbitmq-server", "epmd"
SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {port}
default_user = {user}
default_pass = {password}
log.console = true
log.file = false
vm_memory_high_watermark.absolute = 200MB
disk_free_limit.absolute = 10MB
"""


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The port is that of the management API, and the password the superuser's."""

    user: str = SUPERUSER

    @property
    def url(self) -> str:
        """The address of the management API."""
        return "http://{0}:{1}".format(self.host, self.port)

    def ask(self, method: str, path: str, content: Any = None, login: Optional[Tuple[str, str]] = None) -> Tuple[int, Any]:
        """Send a request, as the superuser unless a login is given. Return the status and what is in the response."""
        return ask(self.url, method, path, content, login or (self.user, self.password))

    def accepts(self, user: str, password: str) -> bool:
        """Whether a fresh login is let in, also that of a user who may not use the API."""
        status, content = self.ask("GET", "/api/whoami", login=(user, password))
        return status == 200 or content["reason"] == "Not management user"


def ask(url: str, method: str, path: str, content: Any, login: Tuple[str, str]) -> Tuple[int, Any]:
    """Send a request to a management API. Return the status and what is in the response."""
    encoded = base64.b64encode(":".join(login).encode("utf-8")).decode("ascii")
    headers = {"Authorization": "Basic " + encoded, "Content-Type": "application/json"}
    body = None if content is None else json.dumps(content).encode("utf-8")
    request = urllib.request.Request(url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    if not os.access(PROGRAM, os.X_OK) or not shutil.which(NAMES_SERVICE):
        raise ServerUnavailable("no RabbitMQ on this machine. Install one with: apt-get install rabbitmq-server")
    account = processes.unprivileged_account()
    with processes.private_directory("rabbitmq", account) as directory, contextlib.ExitStack() as ending:
        log = directory / "server.log"
        try:
            server = _start(directory, log, account, ending)
        except ServerUnavailable as error:
            raise ServerUnavailable("RabbitMQ did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        yield server


def _start(directory: Path, log: Path, account: Account, ending: contextlib.ExitStack) -> Server:
    began, names = time.monotonic(), processes.free_port()
    server = Server(processes.free_port(), secrets.token_urlsafe(24), log, "", 0.0, 0)
    text = SETTINGS.format(amqp=processes.free_port(), port=server.port, user=server.user, password=server.password)
    processes.private_file(directory / "rabbitmq.conf", text, account)
    processes.private_file(directory / "plugins", "[rabbitmq_management].\n", account)
    names_service = [str(shutil.which(NAMES_SERVICE)), "-address", LOOPBACK, "-port", str(names)]
    helper = processes.start(names_service, account=account, log=log, directory=directory)
    ending.callback(processes.stop, helper)
    process = processes.start([PROGRAM], account=account, log=log, directory=directory, environment=_environment(directory, names))
    ending.enter_context(processes.ended_with(process, log))
    processes.wait_until(lambda: _is_ready(server), process=process)
    return replace(server, version=_version(log), started_in=time.monotonic() - began, pid=process.pid)


def _environment(directory: Path, names: int) -> Mapping[str, str]:
    """Return the variables that keep the node, and the service of names under it, on this machine and in the directory."""
    arguments = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false +sbwt none"
    return {
        "HOME": str(directory),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": "nebula{0}@localhost".format(names),
        "RABBITMQ_DIST_PORT": str(processes.free_port()),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments,
        # The script then becomes the server. Otherwise it waits for it, and the server would outlive a killed test run.
        "RUNNING_UNDER_SYSTEMD": "1",
    }


def _version(log: Path) -> str:
    found = re.search(r"RabbitMQ (\d[\d.]+)", log.read_text(encoding="utf-8", errors="replace"))
    return found.group(1) if found else "?"


def _is_ready(server: Server) -> bool:
    try:
        return server.accepts(server.user, server.password)
    except OSError:
        return False


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.rabbitmq", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
