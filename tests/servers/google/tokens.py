# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTPS endpoints of logins (oauth2, sts, iamcredentials), that of Cloud KMS, and the one by which tests order what the server does."""

from __future__ import annotations

import base64
import hmac
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.servers.google import kms
from tests.servers.google.access import IMPERSONATE, Access, Faults, Grant
from tests.servers.google.model import Model, Refusal
from tests.servers.google.service import Log

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SUBJECT = "urn:ietf:params:oauth:token-type:jwt"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""The audience of the JWT of a service account, wherever it is sent."""
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
IAM = "https://www.googleapis.com/auth/iam"
"""The scope of a login that only makes tokens of another service account."""
_GENERATE = re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):generateAccessToken\Z")
_STATUSES = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403}


class Known(NamedTuple):
    """What the logins have to fit to.

    Attributes:
        accounts: the public keys of service accounts, as PEM, by their e-mail address.
        refresh_tokens: the users of refresh tokens.
        subject_tokens: the principals of tokens of a workload.
        audience: that of the workload identity pool.
        password: of the endpoint for tests.
    """

    accounts: Dict[str, bytes]
    refresh_tokens: Dict[str, str]
    subject_tokens: Dict[str, str]
    audience: str
    password: str


class Tokens:
    """Answers requests for access tokens."""

    def __init__(self, known: Known, model: Model, access: Access, faults: Faults, log: Log) -> None:
        """Take the logins, and what is shared with the service."""
        self._model = model
        self._known = known
        self._access = access
        self._faults = faults
        self._log = log
        self._kms = kms.Kms(access)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Dict[str, Any]]:
        """The status and the content of a response."""
        if path == "/control":
            return self._control(headers, body)
        if kms.PATH.match(path):
            return self._kms.answer(path, headers, body)
        fault = self._faults.take("token")
        status, content = (int(fault["code"]), {}) if fault else self._answer(path, headers, body)
        self._log.write(method="token", resource=path, status=status)
        return status, content

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Dict[str, Any]]:
        generate = _GENERATE.match(path)
        if generate:
            return self._impersonate(generate[1], headers, body)
        form = {key: values[0] for key, values in parse_qs(body.decode("utf-8"), strict_parsing=True).items()}
        grant = form.get("grant_type", "")
        known = {("/token", JWT_GRANT): self._check_assertion, ("/token", "refresh_token"): self._check_refresh}
        known[("/v1/token", EXCHANGE)] = self._check_exchange
        check = known.get((path, grant))
        principal = None if check is None else check(form)
        if principal is None:
            return 400, {"error": "invalid_grant", "error_description": "the grant is not valid"}
        token, seconds = self._access.issue(principal)
        more = {"issued_token_type": ACCESS_TOKEN} if path == "/v1/token" else {}
        return 200, {"access_token": token, "expires_in": seconds, "token_type": "Bearer", **more}

    def _check_assertion(self, form: Mapping[str, str]) -> Optional[str]:
        """RFC 7523: the signature, the issuer, the audience, the times and the scope of a service account's JWT."""
        if set(form) != {"grant_type", "assertion"}:
            return None
        head, claims, signature = [*form["assertion"].split("."), "", ""][:3]
        try:
            header, said = json.loads(_decode(head)), json.loads(_decode(claims))
            public = serialization.load_pem_public_key(self._known.accounts[said["iss"]])
            public.verify(_decode(signature), (head + "." + claims).encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, InvalidSignature):
            return None
        now, issued, ends = time.time(), said.get("iat", 0), said.get("exp", 0)
        in_time = now - 3600 <= issued <= now + 60 and now < ends <= issued + 3600
        fits = header.get("alg") == "RS256" and said.get("aud") == AUDIENCE and said.get("scope") in (PLATFORM, IAM)
        return str(said["iss"]) if in_time and fits else None

    def _check_refresh(self, form: Mapping[str, str]) -> Optional[str]:
        return self._known.refresh_tokens.get(form.get("refresh_token", "")) if form.get("client_secret") else None

    def _check_exchange(self, form: Mapping[str, str]) -> Optional[str]:
        """RFC 8693, as workload identity federation uses it."""
        wanted = {"audience": self._known.audience, "requested_token_type": ACCESS_TOKEN, "subject_token_type": SUBJECT, "scope": PLATFORM}
        if any(form.get(key) != value for key, value in wanted.items()):
            return None
        return self._known.subject_tokens.get(form.get("subject_token", ""))

    def _impersonate(self, email: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Dict[str, Any]]:
        """GenerateAccessToken of the IAM Credentials API."""
        try:
            principal = self._access.find_principal(headers.get("authorization"))
            self._access.check(principal, IMPERSONATE, "serviceAccounts/" + email)
        except Refusal as refusal:
            return _STATUSES[refusal.code], {"error": {"status": refusal.code, "message": refusal.text}}
        wanted = json.loads(body)
        if wanted.get("scope") != [PLATFORM] or set(wanted) - {"scope", "lifetime", "delegates"}:
            return 400, {"error": {"status": "INVALID_ARGUMENT"}}
        token, seconds = self._access.issue(email)
        ends_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return 200, {"accessToken": token, "expireTime": ends_at}

    def _control(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Dict[str, Any]]:
        given = headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), ("Bearer " + self._known.password).encode()):
            return 401, {}
        orders: List[Mapping[str, Any]] = json.loads(body)
        return 200, {"results": [self._carry_out(order) for order in orders]}

    def _carry_out(self, order: Mapping[str, Any]) -> Any:
        (what, said), *rest = order.items()
        assert not rest
        if what == "grant":
            self._access.grant(Grant(said["principal"], tuple(said["permissions"]), said["resource"]))
        elif what == "revoke":
            self._access.revoke(said)
        elif what == "issue":
            return self._access.issue(said)[0]
        elif what == "lifetime":
            self._access.lifetime = float(said)
        elif what == "fail":
            self._faults.order(said)
        elif what == "late":
            self._model.is_late = bool(said)
        elif what in ("end_tokens", "heal"):
            {"end_tokens": self._access.end_tokens, "heal": self._faults.clear}[what]()
        elif what == "kms":
            self._kms.carry_out(said)
        elif what == "subject_token":
            self._known.subject_tokens[said["token"]] = said["principal"]
        else:
            raise ValueError(what)
        return None


def start(tokens: Tokens, certificate: str, key: str, port: int) -> None:
    """Serve on a port of the loopback address, over TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, content = tokens.answer(self.path, headers, body)
            except (ValueError, KeyError, AssertionError):
                status, content = 400, {"error": "invalid_request"}
            written = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing: `Log` has a line for each request."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
