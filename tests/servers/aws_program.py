# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of moto or MiniStack on the loopback address: `aws_program.py KIND PORT LOG`. Writes a line of JSON for each request."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from typing import Any, Awaitable, Callable, Dict, Iterable, List
from urllib.parse import parse_qsl

LOOPBACK = "127.0.0.1"
_SIGNER = re.compile(r"Credential=([^/,]+)/")
_QUIET = "/ready-for-tests"


class Log:
    """The log of requests. One line holds one request."""

    def __init__(self, path: str) -> None:
        """Append to a file."""
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  # open as long as the process

    def write(self, target: str, authorization: str, body: bytes, status: int) -> None:
        """Write what came, and the status that it got. Of the body only what names or describes something, never a value."""
        named = _read_body(body)
        action = target.replace("AmazonSSM.", "ssm.") or "sts." + str(named.get("Action", ""))
        names = [str(named[key]) for key in ("SecretId", "Name") if isinstance(named.get(key), str)]
        names += [str(each) for key in ("SecretIdList", "Names") for each in named.get(key) or ()]
        names += [str(value) for each in named.get("Filters") or () for value in each.get("Values") or ()]
        signer = _SIGNER.search(authorization)
        kept = {key: value for key, value in named.items() if key in _KEPT}
        line = {"action": action, "names": names, "access_key": signer.group(1) if signer else "", "status": status, "body": kept}
        self._file.write(json.dumps(line).encode() + b"\n")


_KEPT = (
    *("VersionStage", "VersionStages", "VersionId", "ClientRequestToken", "RemoveFromVersionId", "MoveToVersionId", "Tags", "TagKeys"),
    *("KmsKeyId", "AddReplicaRegions", "RemoveReplicaRegions", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery", "MaxResults"),
    *("RotationLambdaARN", "RotationRules", "RotateImmediately", "RoleArn", "ExternalId", "RoleSessionName", "SerialNumber", "TokenCode"),
    "DurationSeconds",
)


def _read_body(body: bytes) -> Dict[str, Any]:
    try:
        found = json.loads(body) if body.lstrip()[:1] == b"{" else dict(parse_qsl(body.decode("ascii", "replace")))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def serve_moto(port: int, log: Log) -> None:
    """Run moto. One request at a time: a move of a label is one step, as it is at AWS."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    app = DomainDispatcherApplication(create_backend_app)

    def logging(environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        status: List[str] = []

        def start(line: str, *rest: Any) -> Any:
            status.append(line)
            return start_response(line, *rest)

        answer = list(app(environ, start))
        if environ.get("PATH_INFO") != _QUIET:
            log.write(environ.get("HTTP_X_AMZ_TARGET", ""), environ.get("HTTP_AUTHORIZATION", ""), body, int(status[0].split()[0]))
        return answer

    run_simple(LOOPBACK, port, logging, threaded=False)


def serve_ministack(port: int, log: Log) -> None:
    """Run MiniStack. It would listen on every address by itself."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    async def logging(scope: Dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http" or scope["path"] == _QUIET:
            await app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        parts: List[bytes] = []
        status: List[int] = []

        async def receiving() -> Any:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
                # Before the response: a test that has it finds the line.
                log.write(headers.get("x-amz-target", ""), headers.get("authorization", ""), b"".join(parts), status[0])
            await send(message)

        await app(scope, receiving, sending)

    config = Config()
    config.bind = ["{0}:{1}".format(LOOPBACK, port)]
    config.errorlog = None
    asyncio.run(serve(logging, config))


if __name__ == "__main__":
    del sys.path[0]  # this directory, which has a module of the name moto
    {"moto": serve_moto, "ministack": serve_ministack}[sys.argv[1]](int(sys.argv[2]), Log(sys.argv[3]))
