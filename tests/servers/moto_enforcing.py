# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""moto that checks every signature and every policy, as AWS does: on 127.0.0.1 and a random port, with nothing kept on disk.

`user` and `password` are the access key of an administrator, who may do everything.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.moto_enforcing start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from typing import Iterator, Optional, Sequence

import requests

from tests.servers import aws, keeper, moto

ADMINISTRATOR = "administrator"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@contextlib.contextmanager
def running() -> Iterator[aws.Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: moto is not installed, or did not start.
    """
    with moto.running() as server:
        iam = server.client("iam")
        iam.create_user(UserName=ADMINISTRATOR)
        iam.put_user_policy(UserName=ADMINISTRATOR, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        key = iam.create_access_key(UserName=ADMINISTRATOR)["AccessKey"]
        enforce = {"url": server.url + "/moto-api/reset-auth", "data": b"0", "headers": {"Content-Type": "text/plain"}}
        requests.post(**enforce, timeout=120, proxies={"http": ""}).raise_for_status()
        yield replace(server, user=key["AccessKeyId"], password=key["SecretAccessKey"])


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.moto_enforcing", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
