# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to a value that are compared: ours and others' lookups, each pair on the same server, which counts."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Iterator, List, Sequence

from tests.backends.discovery import HARNESSES
from tests.bench.cloud_peers import PEERS
from tests.bench.session_runs import Way, debug
from tests.servers import once, processes
from tests.servers.processes import ServerUnavailable

REGION = "eu-central-1"


def constant() -> Way:
    """What the others are compared with."""
    task = debug("lookup('env', 'HOME')")
    return Way("lookup('env', 'HOME')", lambda _name: task, {}, many=lambda _names: task)


@contextlib.contextmanager
def on_moto(names: Sequence[str]) -> Iterator[List[Way]]:
    """amazon.aws, at a server that answers as the Secrets Manager does; its log is what counts."""
    import boto3

    with processes.private_directory("moto", processes.Account()) as directory:
        port, log = processes.free_port(), directory / "server.log"
        command = [str(_program("moto_server")), "-H", processes.LOOPBACK, "-p", str(port)]
        process = processes.start(command, account=processes.Account(), log=log, directory=directory)
        try:
            processes.wait_until(lambda: b"Running on" in log.read_bytes(), process=process, within=60)
            url = "http://{0}:{1}".format(processes.LOOPBACK, port)
            login = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
            client = boto3.client("secretsmanager", endpoint_url=url, **login)
            for name in names:
                client.create_secret(Name=name, SecretString="of " + name)
            yield [_amazon(url, log)]
        finally:
            processes.stop(process)


def _amazon(url: str, log: Path) -> Way:
    given = "region='{0}', access_key='test', secret_key='test'".format(REGION)

    def asked() -> int:
        return log.read_bytes().count(b'"POST / ')

    seen = [0]

    def secret(name: str) -> str:
        return debug("lookup('amazon.aws.secretsmanager_secret', '{0}', {1})".format(name, given))

    return Way(
        "amazon.aws, moto",
        secret,
        {},
        reads=lambda: asked() - seen[0],
        start_over=lambda: seen.__setitem__(0, asked()),
        environment={"AWS_ENDPOINT_URL": url},
        is_peer=True,
    )


def _program(name: str) -> Path:
    return Path(sys.executable).parent / name


@contextlib.contextmanager
def all_ways(names: Sequence[str]) -> Iterator[List[Way]]:
    """The constant, and every way whose server can be had; what is left out is said."""
    others = {harness.backend: harness.lookups for harness in HARNESSES.values() if harness.lookups}
    with contextlib.ExitStack() as stack:
        stack.callback(once.stop_all)
        ways = [constant()]
        for what, server in {**others, "moto": on_moto, **PEERS}.items():
            try:
                ways += stack.enter_context(server(names))
            except (ServerUnavailable, ImportError, FileNotFoundError) as error:
                print("left out, {0}: {1}".format(what, error))
        yield ways
