# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS KMS as its reference says where moto is more generous: in front of moto, which does the rest.

A key that is disabled or about to be deleted is not used, and what another key encrypted is refused as such.
https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
"""

from __future__ import annotations

import atexit
import base64
import contextlib
from typing import Any, Dict, Optional, Set

import requests
from botocore.exceptions import ClientError

from tests.servers import aws_front, scripted
from tests.servers.scripted import Answer, Request

_STATES = {"Disabled": "DisabledException", "PendingDeletion": "KMSInvalidStateException"}
_fronts: Dict[str, KmsFront] = {}
_running = contextlib.ExitStack()
atexit.register(_running.close)


class KmsFront(aws_front.Front):
    """The place of a server of moto. `gone` are the ARNs of keys that are deleted: moto only ever waits for that."""

    def __init__(self, server: Any) -> None:
        """Take the server."""
        super().__init__(server, {})
        self.gone: Set[str] = set()
        self._kms = server.client("kms")

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        code = self._find_refusal(request) if request.headers.get("x-amz-target", "").startswith("TrentService.") else None
        return Answer(400, {"__type": code, "message": "the text of AWS with canary-text"}) if code else super().__call__(request)

    def _pass_on(self, request: Request) -> Answer:
        """Pass a request on with the host that was signed: moto checks the signature."""
        headers = {name: value for name, value in request.all_headers if name.lower() not in ("connection", "accept-encoding")}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self.server.url + request.path, data=request.content, headers=headers, timeout=aws_front.PATIENCE)
        return Answer(answer.status_code, answer.content, {"x-amzn-RequestId": "1"})

    def _find_refusal(self, request: Request) -> Optional[str]:
        body = request.json
        try:
            key = self._kms.describe_key(KeyId=body["KeyId"])["KeyMetadata"]
        except ClientError:
            return "NotFoundException"
        if key["Arn"] in self.gone:
            return "NotFoundException"
        if key["KeyState"] in _STATES:
            return _STATES[key["KeyState"]]
        return self._find_other_key(body, key["Arn"]) if "CiphertextBlob" in body else None

    def _find_other_key(self, body: Dict[str, Any], arn: str) -> Optional[str]:
        blob = base64.b64decode(body["CiphertextBlob"])
        try:
            used = self._kms.decrypt(CiphertextBlob=blob, EncryptionContext=body.get("EncryptionContext") or {})["KeyId"]
        except ClientError as refusal:
            return str(refusal.response["Error"]["Code"])
        return None if used == arn else "IncorrectKeyException"


def once(server: Any) -> KmsFront:
    """Return the front of a server, started at the first call. It ends with the process."""
    if server.url not in _fronts:
        front = KmsFront(server)
        front.url = _running.enter_context(scripted.running(front)).url
        _fronts[server.url] = front
    return _fronts[server.url]
