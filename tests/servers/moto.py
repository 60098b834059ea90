# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""moto as a server process: AWS's API on 127.0.0.1 and a random port, with nothing kept on disk.

It models most of Secrets Manager, SSM and STS. `tests/integration/aws_differences.py` lists where it differs from AWS.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.moto start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Iterator, Optional, Sequence

import requests

from tests.servers import aws, keeper
from tests.servers.processes import ServerUnavailable


@contextlib.contextmanager
def running() -> Iterator[aws.Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: moto is not installed, or did not start.
    """
    try:
        found = version("moto")
    except PackageNotFoundError:
        raise ServerUnavailable("no moto on this machine. Install it with: pip install 'moto[server]'") from None
    with aws.running("moto", found, aws.describe_places()) as server:
        _load_services(server)
        yield server


def _load_services(server: aws.Server) -> None:
    """Make a request of each service: moto loads a service when it is first asked for, which takes seconds on a busy machine."""
    for service, target in (("secretsmanager", "secretsmanager.ListSecrets"), ("ssm", "AmazonSSM.DescribeParameters")):
        scope = "Credential={0}/20261130/{1}/{2}/aws4_request".format(server.user, server.region, service)
        signed = "AWS4-HMAC-SHA256 {0}, SignedHeaders=host, Signature=none".format(scope)
        headers = {"X-Amz-Target": target, "Authorization": signed, "Content-Type": "application/x-amz-json-1.1"}
        requests.post(server.url, data=b"{}", headers=headers, timeout=120, proxies={"http": ""}).raise_for_status()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.moto", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
