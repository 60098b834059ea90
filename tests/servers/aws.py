# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the two servers that speak AWS's API have in common: how they are started, and the log of their requests.

Each runs in a process of its own, whose program is `aws_program.py`: it writes a line for each request.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import requests

from tests.servers import processes
from tests.servers.processes import Account, PasswordServer, ServerUnavailable

PROGRAM = Path(__file__).with_name("aws_program.py")
REGION = "us-east-1"
ACCESS_KEY = "test"
"""The access key of the account's root. Its secret is the password; neither server compares it."""


@dataclass(frozen=True)
class Asked:
    """One request: its action (`secretsmanager.GetSecretValue`), the names in it, the access key that signed it, and the status."""

    action: str
    names: Sequence[str]
    access_key: str
    status: int
    body: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. `user` is the access key, `password` its secret."""

    user: str = ACCESS_KEY
    region: str = REGION

    @property
    def url(self) -> str:
        """Its address, as `endpoint_url`."""
        return "http://{0}:{1}".format(self.host, self.port)

    @property
    def login(self) -> Dict[str, str]:
        """The options of a store on it."""
        return {"endpoint_url": self.url, "region": self.region, "access_key": self.user, "secret_key": self.password}

    def requests(self, prefix: str = "", *, since: int = 0) -> List[Asked]:
        """What came so far, from the line `since` on: requests that name something below the prefix. All, without one."""
        lines = self._requests_log.read_bytes().split(b"\n")[since:-1]
        asked = [Asked(**json.loads(line)) for line in lines]
        return [each for each in asked if not prefix or any(name.startswith(prefix) for name in each.names)]

    def count(self) -> int:
        """How many requests came so far, for `since`."""
        return self._requests_log.read_bytes().count(b"\n")

    @property
    def _requests_log(self) -> Path:
        return self.log.with_name("requests.jsonl")

    def client(self, service: str = "secretsmanager", region: Optional[str] = None, **keys: str) -> Any:
        """A bare boto3 client, as other tools would use."""
        import boto3
        from botocore.config import Config

        login = keys or {"aws_access_key_id": self.user, "aws_secret_access_key": self.password}
        config = Config(retries={"total_max_attempts": 1})
        session = boto3.session.Session(region_name=region or self.region)
        return session.client(service, endpoint_url=self.url, config=config, **login)


@contextlib.contextmanager
def running(kind: str, version: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: it did not start; its log is kept and named.
    """
    # As this user: the interpreter may be below root's home, where no other account reaches it.
    account = Account()
    with processes.private_directory(kind, account) as directory:
        log = directory / "server.log"
        (directory / "requests.jsonl").touch(mode=0o600)
        try:
            process, server = _start(kind, version, environment, directory, log)
        except ServerUnavailable as error:
            raise ServerUnavailable("{0} did not start: {1}. Its log: {2}".format(kind, error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def _start(kind: str, version: str, environment: Mapping[str, str], directory: Path, log: Path) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port = processes.free_port()
    command = [sys.executable, str(PROGRAM), kind, str(port), str(directory / "requests.jsonl")]
    process = processes.start(command, account=Account(), log=log, directory=directory, environment=environment)
    server = Server(port, secrets.token_urlsafe(24), log, version, 0.0, process.pid)
    try:
        processes.wait_until(lambda: _is_ready(server), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def _is_ready(server: Server) -> bool:
    try:
        return requests.get(server.url + "/ready-for-tests", timeout=60, proxies={"http": ""}).status_code < 600
    except requests.RequestException:
        return False


def describe_places() -> Mapping[str, str]:
    """The variables that a program of ours needs, and none of the caller's: no login of a person reaches a server."""
    return {"PYTHONDONTWRITEBYTECODE": "1", "AWS_EC2_METADATA_DISABLED": "true", "HOME": os.devnull}
