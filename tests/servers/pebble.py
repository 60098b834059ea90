# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Pebble, the small ACME service of Let's Encrypt, on 127.0.0.1 and random ports, and the web server that it verifies names at."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.servers import processes
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK, ServerUnavailable

PROGRAM = "pebble"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
DIRECT = {"http": "", "https": ""}
PATH = "/.well-known/acme-challenge/"
BINDING_ID, BINDING_KEY = "key-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@dataclass(frozen=True)
class Server:
    """A running service.

    Attributes:
        url: its directory.
        ca_cert: the certificate that its own is verified with, as PEM text.
        root: the certificate of the root that signs, as PEM text.
        challenges: the directory whose files the web server shows at `PATH`.
    """

    url: str
    ca_cert: str
    root: str
    challenges: Path
    log: Path

    def count(self, path: str = "/order-plz") -> int:
        """How many requests came to a path; by default orders."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("POST {0} ->".format(path))


def find_program() -> Path:
    """The program: on PATH, or in one of the two cache directories.

    Raises:
        ServerUnavailable: there is none.
    """
    cache = os.environ.get("NEBULA_TEST_SERVERS", "/nonexistent")
    for place in (shutil.which(PROGRAM), os.path.join(cache, PROGRAM), CACHE / PROGRAM):
        if place and os.access(place, os.X_OK):
            return Path(place)
    raise ServerUnavailable("no Pebble on this machine. Run: bash tests/servers/prepare.sh")


@contextlib.contextmanager
def running(*, requires_binding: bool = False) -> Iterator[Server]:
    """Start both servers, hand them out, and end them.

    Args:
        requires_binding: accounts have to be bound to `BINDING_ID` with `BINDING_KEY`.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    account, found = processes.unprivileged_account(), find_program()
    with processes.private_directory("pebble", account) as directory:
        program = processes.usable_program(found, directory, account)
        issued = Authority(directory)
        files = issued.issue("pebble", [LOOPBACK])
        ports = [processes.free_port() for _port in range(4)]
        settings: dict[str, Any] = {
            "listenAddress": "{0}:{1}".format(LOOPBACK, ports[0]),
            "managementListenAddress": "{0}:{1}".format(LOOPBACK, ports[1]),
            "certificate": str(processes.private_file(directory / "own.pem", files.certificate.read_text(), account)),
            "privateKey": str(processes.private_file(directory / "own.key", files.key.read_text(), account)),
            "httpPort": ports[2],
            "tlsPort": ports[3],
            "ocspResponderURL": "",
            "externalAccountBindingRequired": requires_binding,
            "externalAccountMACKeys": {BINDING_ID: BINDING_KEY},
        }
        written = processes.private_file(directory / "pebble.json", json.dumps({"pebble": settings}), account)
        log, challenges = directory / "server.log", directory / "challenges"
        challenges.mkdir()
        # Without these it waits up to 15 s before each check, and refuses one of 20 nonces.
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        command = ["env", *("{0}={1}".format(*each) for each in quick.items()), str(program), "-config", str(written)]
        process = processes.start(command, account=account, log=log, directory=directory)
        root = functools.partial(_read_root, ports[1], issued.certificate)
        try:
            processes.wait_until(lambda: bool(root()), process=process)
        except ServerUnavailable as error:
            raise ServerUnavailable("Pebble did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log), _web_server(ports[2], challenges):
            url = "https://{0}:{1}/dir".format(LOOPBACK, ports[0])
            yield Server(url, issued.certificate.read_text(encoding="ascii"), root(), challenges, log)


def _read_root(port: int, trusted: Path) -> str:
    try:
        url = "https://{0}:{1}/roots/0".format(LOOPBACK, port)
        answer = requests.get(url, verify=str(trusted), timeout=60, proxies=DIRECT)
    except requests.RequestException:
        return ""
    return answer.text if answer.ok else ""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        return super().translate_path(path[len(PATH) - 1 :]) if path.startswith(PATH) else os.devnull

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@contextlib.contextmanager
def _web_server(port: int, directory: Path) -> Iterator[None]:
    handler = functools.partial(_Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
