# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Pebble, the small ACME service of Let's Encrypt, on 127.0.0.1 and random ports.

The DNS server that it verifies names with says that each is at 127.0.0.1, where a web server shows the files of a directory.
"""

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
from typing import Any, NamedTuple

import requests

from tests.servers import processes
from tests.servers.certificates import Authority, Issued
from tests.servers.processes import LOOPBACK, ServerUnavailable

PROGRAM, DNS_PROGRAM = "pebble", "pebble-challtestsrv"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
DIRECT = {"http": "", "https": ""}
PATH = "/.well-known/acme-challenge/"
BINDING_ID, BINDING_KEY = "key-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


QUICK = ("PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
"""Without these it waits up to 15 s before each check, refuses one of 20 nonces, and checks a name once only."""


class Ports(NamedTuple):
    """Where Pebble, its DNS server and the web server listen."""

    acme: int
    management: int
    http: int
    tls: int
    dns: int
    records: int


@dataclass(frozen=True)
class Server:
    """A running service.

    Attributes:
        url: its directory.
        ca_cert: the certificate that its own is verified with, as PEM text.
        root: the certificate of the root that signs, as PEM text.
        challenges: the directory whose files the web server shows at `PATH`.
        records: where the DNS server takes records: JSON to `/set-txt` and `/clear-txt`.
    """

    url: str
    ca_cert: str
    root: str
    challenges: Path
    records: str
    log: Path

    def count(self, path: str = "/order-plz") -> int:
        """How many requests came to a path; by default orders."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("POST {0} ->".format(path))


def find_program(name: str = PROGRAM) -> Path:
    """A program: on PATH, or in one of the two cache directories.

    Raises:
        ServerUnavailable: there is none.
    """
    cache = os.environ.get("NEBULA_TEST_SERVERS", "/nonexistent")
    for place in (shutil.which(name), os.path.join(cache, name), CACHE / name):
        if place and os.access(place, os.X_OK):
            return Path(place)
    raise ServerUnavailable("no Pebble on this machine. Run: bash tests/servers/prepare.sh")


@contextlib.contextmanager
def running(*, requires_binding: bool = False) -> Iterator[Server]:
    """Start the servers, hand them out, and end them.

    Args:
        requires_binding: accounts have to be bound to `BINDING_ID` with `BINDING_KEY`.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    account, found = processes.unprivileged_account(), [find_program(), find_program(DNS_PROGRAM)]
    with processes.private_directory("pebble", account) as directory:
        program, dns_program = (processes.usable_program(each, directory, account) for each in found)
        issued = Authority(directory)
        ports = Ports(*(processes.free_port() for _port in Ports._fields))
        made = issued.issue("pebble", [LOOPBACK])
        own = Issued(*(processes.private_file(directory / ("own-" + file.name), file.read_text(), account) for file in made))
        settings = dict(_describe(ports, own), externalAccountBindingRequired=requires_binding)
        written = processes.private_file(directory / "pebble.json", json.dumps({"pebble": settings}), account)
        log, challenges = directory / "server.log", directory / "challenges"
        challenges.mkdir()
        command = ["env", *QUICK, str(program), "-config", str(written), "-dnsserver", _at(ports.dns)]
        dns_log = directory / "dns.log"
        named = processes.start([str(dns_program), *_dns_options(ports)], account=account, log=dns_log, directory=directory)
        with processes.ended_with(named, dns_log), serve_challenges(ports.http, challenges):
            process = processes.start(command, account=account, log=log, directory=directory)
            root = functools.partial(_read_root, ports.management, issued.certificate)
            try:
                processes.wait_until(lambda: bool(root()), process=process)
            except ServerUnavailable as error:
                raise ServerUnavailable("Pebble did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
            with processes.ended_with(process, log):
                url, records = "https://{0}/dir".format(_at(ports.acme)), "http://" + _at(ports.records)
                yield Server(url, issued.certificate.read_text(encoding="ascii"), root(), challenges, records, log)


def _at(port: int) -> str:
    return "{0}:{1}".format(LOOPBACK, port)


def _describe(ports: Ports, own: Issued) -> dict[str, Any]:
    return {
        "listenAddress": _at(ports.acme),
        "managementListenAddress": _at(ports.management),
        "certificate": str(own.certificate),
        "privateKey": str(own.key),
        "httpPort": ports.http,
        "tlsPort": ports.tls,
        "ocspResponderURL": "",
        "externalAccountMACKeys": {BINDING_ID: BINDING_KEY},
    }


def _dns_options(ports: Ports) -> list[str]:
    listens = ["-dnsserver", _at(ports.dns), "-management", _at(ports.records), "-defaultIPv4", LOOPBACK, "-defaultIPv6", ""]
    return [*listens, "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]


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
def serve_challenges(port: int, directory: Path) -> Iterator[None]:
    """Show the files of a directory at `PATH`, on 127.0.0.1."""
    handler = functools.partial(_Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
