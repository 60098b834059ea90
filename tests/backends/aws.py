# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend aws: Secrets Manager and Parameter Store of moto, each store below a prefix of its own, and AWS itself in the region that
NEBULA_TEST_AWS_REGION names.

moto returns the old value in a batch after a label moved, so batches are off here; they are tested on MiniStack. They are on where
requests are counted and nothing is compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Sequence, Tuple

from tests.backends.harness import (
    Bare,
    Choice,
    Elsewhere,
    Example,
    Harness,
    Options,
    Place,
    Price,
    StoreKind,
    Storm,
    Watched,
    encrypting,
    locking,
)
from tests.bench.session_runs import Way, debug, our_lookup
from tests.servers import aws_front, once

SERVER = "moto"
RUN = secrets.token_hex(3)


def _prefix(directory: Path) -> str:
    return "stores/" + hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def _options(**options: Any) -> Callable[[Path], Options]:
    def of(directory: Path) -> Options:
        return {**once.server(SERVER).login, "prefix": _prefix(directory), "batch_get": False, **options}

    return of


def _parameters(**options: Any) -> Callable[[Path], Options]:
    """Of the tier whose parameters hold what the suite stores."""
    parts = {"service": "ssm", "tier": "advanced", "single_writer": True, **options}
    return lambda directory: {**once.server(SERVER).login, "prefix": _prefix(directory), **parts}


def _unreachable(secret: str) -> Options:
    return {"endpoint_url": "http://127.0.0.1:1", "region": "us-east-1", "access_key": "test", "secret_key": secret}


class Client:
    """boto3 on Secrets Manager, below a prefix of its own."""

    def __init__(self, client: Any, prefix: str) -> None:
        """Take a client."""
        self._client = client
        self._prefix = prefix

    def write(self, name: str, value: str) -> object:
        """put_secret_value, or create_secret if there is none."""
        text = '{"username":"app","password":"' + value + '"}'
        try:
            return self._client.put_secret_value(SecretId=self._prefix + name, SecretString=text)
        except self._client.exceptions.ResourceNotFoundException:
            return self._client.create_secret(Name=self._prefix + name, SecretString=text)

    def read(self, name: str) -> object:
        """get_secret_value."""
        return self._client.get_secret_value(SecretId=self._prefix + name)["SecretString"]

    def list(self) -> object:
        """list_secrets, page by page."""
        pages = self._client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [self._prefix]}])
        return [each["Name"] for page in pages for each in page["SecretList"]]

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _bare(directory: Path) -> Bare:
    return Client(once.server(SERVER).client(), "bare/" + _prefix(directory) + "/")


def _requests(directory: Path) -> int:
    return len(once.server(SERVER).requests(_prefix(directory)))


def _watched(_directory: Path) -> Watched:
    """With the key of a user, on the server that compares its signature."""
    server, name = once.server("ministack"), "canary-" + secrets.token_hex(4)
    iam = server.client("iam")
    iam.create_user(UserName=name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="canary", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def config(given: str) -> Dict[str, Any]:
        login = {**server.login, "access_key": key["AccessKeyId"], "secret_key": given}
        return {"backend": "aws", "prefix": name, **login}

    return Watched(config(key["SecretAccessKey"]), {"secret key": key["SecretAccessKey"]}, config, (server.log,))


def _example(text: str, _directory: Path) -> Optional[Example]:
    """The test's server for AWS itself, by the variables that AWS's own tools read."""
    if "backend: aws" not in text and "type: aws" not in text:
        return None
    server = once.server(SERVER)
    login = {"AWS_ACCESS_KEY_ID": server.user, "AWS_SECRET_ACCESS_KEY": server.password}
    return Example({**login, "AWS_ENDPOINT_URL": server.url, "AWS_REGION": server.region})


ENCRYPTED = StoreKind("aws-encrypted", "aws", _options(encrypt=True), encrypting, server=SERVER, many=False, plays=False, long_only=True)
"""Envelopes are kept as other backends keep them, on which the suite always runs."""


@contextlib.contextmanager
def _lookups(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours and amazon.aws, both with an access key, so that neither logs in."""
    server, prefix, seen = once.started(SERVER), "bench", [0]
    for name in names:
        server.client().create_secret(Name="{0}/{1}".format(prefix, name), SecretString="of " + name)
    asked: Dict[str, Any] = {
        "reads": lambda: len(server.requests(since=seen[0])),
        "start_over": lambda: seen.__setitem__(0, server.count()),
    }
    given = ", ".join("{0}='{1}'".format(option, server.login[option]) for option in ("region", "access_key", "secret_key"))

    def secretsmanager_secret(name: str) -> str:
        return debug("lookup('amazon.aws.secretsmanager_secret', '{0}/{1}', {2})".format(prefix, name, given))

    ours = {"backend": "aws", "audit": "off", "prefix": prefix, **server.login}
    theirs = {"AWS_ENDPOINT_URL": server.url}
    yield [
        Way("nebula.credential, AWS (moto)", our_lookup, {}, store=ours, **asked),
        Way("amazon.aws, moto", secretsmanager_secret, {}, environment=theirs, is_peer=True, requests=server.count, **asked),
    ]


def _storm_of(code: str, status: int) -> Callable[[Path, int], ContextManager[Storm]]:
    @contextlib.contextmanager
    def storm(directory: Path, refused: int) -> Iterator[Storm]:
        waiting: Dict[str, List[aws_front.Disturbance]] = {}
        with aws_front.running(once.started(SERVER), waiting) as front:
            yield Storm(
                {**_options()(directory), **front.login},
                lambda: (front.asked.clear(), waiting.update(GetSecretValue=[aws_front.refuse(code, status)] * refused)),
                lambda: front.asked.count("GetSecretValue"),
            )

    return storm


def find_kinds_elsewhere(region: str) -> Tuple[StoreKind, ...]:
    """Return the kinds of stores in a region of AWS."""
    login = {option: os.environ.get("NEBULA_TEST_AWS_" + option.upper()) for option in ("access_key", "secret_key", "session_token")}

    def options_of(**more: Any) -> Callable[[Path], Options]:
        given = {"region": region, **{option: value for option, value in login.items() if value}, **more}
        return lambda directory: {**given, "prefix": "r{0}/{1}".format(RUN, _prefix(directory))}

    parameters = options_of(service="ssm", tier="advanced", single_writer=True)
    return (
        StoreKind("aws-elsewhere", "aws", options_of(), many=False, plays=False),
        StoreKind("aws-elsewhere-ssm", "aws", parameters, locking, many=False, plays=False),
    )


ENCRYPTED_PARAMETERS = replace(ENCRYPTED, label="aws-ssm-encrypted", options=_parameters(encrypt=True))


HARNESS = Harness(
    backend="aws",
    kinds=(
        StoreKind(
            "aws",
            "aws",
            _options(),
            server=SERVER,
            many=False,
            bare=_bare,
            requests=_requests,
            most={"rotation": 15, "migration": 6},
        ),
        StoreKind("aws-ssm", "aws", _parameters(), locking, server=SERVER, many=False, plays=False),
        # A batch is one request here, and as fresh as at AWS as long as no label moves.
        StoreKind("aws-batches", "aws", _options(batch_get=True), server=SERVER, figures_only=True, bare=_bare, requests=_requests),
        ENCRYPTED,
        ENCRYPTED_PARAMETERS,
    ),
    elsewhere=Elsewhere("NEBULA_TEST_AWS_REGION", find_kinds_elsewhere),
    unreachable=_unreachable,
    mistake=({"region": "eu-central-1", "access_key": "x", "secret_key": "y", "recovery_window": 3}, "recovery_window"),
    address="endpoint_url",
    watched={"aws": _watched},
    example=_example,
    lookups=_lookups,
    storms={"400 ThrottlingException": _storm_of("ThrottlingException", 400), "503": _storm_of("ServiceUnavailable", 503)},
    choices=(
        Choice(
            "AWS Secrets Manager",
            "{backend: aws, region: eu-central-1}",
            ("aws-batches",),
            Place.CLOUD,
            "moto 5.2 and MiniStack 1.5, not AWS",
            rights="[policy](../../policies/aws-secrets-manager.json)",
            price=Price(
                calls=0.05,
                stored=0.40,
                unit="secret",
                source="https://aws.amazon.com/secrets-manager/pricing/",
                as_of="2026-11-30",
            ),
        ),
        Choice(
            "AWS Systems Manager Parameter Store",
            "{backend: aws, service: ssm, region: eu-central-1, lock: {kind: redis, url: 'rediss://locks.example.com:6379/0'}}",
            (),
            Place.CLOUD,
            "moto 5.2 and MiniStack 1.5, not AWS",
            rights="[policy](../../policies/aws-parameter-store.json)",
            note="values of at most 4 KiB, for which AWS charges nothing but the requests to KMS",
            page="aws-parameter-store.md",
        ),
    ),
)
