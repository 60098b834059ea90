# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MiniStack as a server process: AWS's API on 127.0.0.1 and a random port, which enforces IAM policies.

It models what moto does not: denials by policies, resource policies, external ids, the value of a batch after a label moved.
`tests/integration/aws_differences.py` lists where it differs from AWS.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.ministack start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Iterator, Optional, Sequence

from tests.servers import aws, keeper
from tests.servers.processes import ServerUnavailable

FIRST = (1, 5)
"""The first version that enforces policies."""
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"


@contextlib.contextmanager
def running() -> Iterator[aws.Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: MiniStack is not there, or did not start.
    """
    directory, version = find_package()
    # It pins a botocore of its own, so it is not installed with ours: prepare/ministack.sh.
    # By default it listens on every address: for all requests, and on a port of its own for devices of IoT.
    addresses = {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0"}
    places = {**aws.describe_places(), "PYTHONPATH": str(directory), "AUTH": "true", **addresses}
    with aws.running("ministack", version, places) as server:
        yield server


def find_package() -> tuple[Path, str]:
    """The directory that holds the package, and its version.

    Raises:
        ServerUnavailable: there is none that enforces policies.
    """
    for place in (Path(os.environ.get("NEBULA_TEST_SERVERS") or os.devnull), CACHE):
        for described in sorted((place / "ministack-package").glob("ministack-*.dist-info")):
            version = described.name[len("ministack-") : -len(".dist-info")]
            if tuple(map(int, re.findall(r"\d+", version)[:2])) >= FIRST:
                return described.parent, version
    raise ServerUnavailable("no MiniStack 1.5 on this machine. Run: bash tests/servers/prepare.sh")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.ministack", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
