# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of `azure_vault`: one vault and its Entra over TLS, and the metadata endpoint of a machine over HTTP.

Whatever the test orders comes in at `/-/orders`, with the key that the starter of the process chose.
"""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509

from tests.servers.azure_keys import PERMISSIONS, Keys
from tests.servers.azure_login import Entra
from tests.servers.azure_secrets import Refused, Reply, Vault
from tests.servers.certificates import Authority

LOOPBACK = "127.0.0.1"
ALL = ("get", "list", "set", "delete", "recover", "purge", "backup", "restore", *PERMISSIONS.values())


class Service:
    """What the process serves, and what a test has ordered."""

    def __init__(self, port: int, log: Path, key: str) -> None:
        """Make the vault and the tenant."""
        self.url = "https://{0}:{1}".format(LOOPBACK, port)
        self.resource: Optional[str] = None
        self.vault = Vault(self.url)
        self.keys = Keys()
        self.entra = Entra(self.url)
        self.key = key
        self.guard = "rbac"
        self.grants: Dict[str, List[str]] = {}
        self.failures: List[Dict[str, Any]] = []
        self.lock = threading.Lock()
        self.context: Optional[ssl.SSLContext] = None
        self._log = log.open("a", encoding="utf-8", buffering=1)

    def note(self, method: str, path: str, status: int, length: int) -> None:
        """Write a line of the log: no header, no content."""
        self._log.write("{0} {1} {2} {3}\n".format(method, path, status, length))

    def obey(self, orders: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out what a test orders."""
        entra, told = self.entra, {}
        if "certificate" in orders:
            entra.certificate = x509.load_pem_x509_certificate(orders["certificate"].encode())
        if "lifetime" in orders:
            entra.lifetime = orders["lifetime"]
        if orders.get("revoke"):
            entra.tokens.clear()
        if "fail" in orders:
            self.failures = list(orders["fail"])
        if "grants" in orders:
            self.grants = orders["grants"]
        if "keys" in orders:
            self.keys.carry_out(orders["keys"])
        if "manage" in orders:
            self.vault.manage(orders["manage"])
        self.guard = orders.get("guard", self.guard)
        self.resource = orders.get("resource", self.resource)  # of the challenge, instead of the vault's own
        self.vault.settle = orders.get("settle", self.vault.settle)
        self.vault.purge_protection = orders.get("purge_protection", self.vault.purge_protection)
        if orders.get("new_vault"):
            server = _Server(0, Vault(""), self.context)
            server.service = self
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
            told = {"port": server.server_address[1]}
        if orders.get("describe"):
            told = {"tenant": entra.tenant, "client": entra.client, "secret": entra.secret, "assigned": entra.assigned}
            told.update(
                machine=entra.machine, cluster_token=entra.cluster_token(), token=entra.issue(entra.client, find_resource(self.url))
            )
        return told

    def take_failure(self, path: str) -> Optional[Dict[str, Any]]:
        """The next failure that was ordered for this path, if there is one. `left` counts them; without it there is no end."""
        for failure in self.failures:
            if path.startswith(failure.get("path", "/secrets")) and failure.get("left", 1) > 0:
                if "left" in failure:
                    failure["left"] -= 1
                return failure
        return None

    def check_grant(self, client: str, permission: str) -> None:
        """Refuse what the client may not do."""
        if self.guard == "firewall":
            message = "Client address is not authorized and caller is not a trusted service."
            raise Refused(403, "Forbidden", message, "ForbiddenByFirewall")
        if permission not in self.grants.get(client, ALL):
            inner = {"rbac": "ForbiddenByRbac", "policy": "ForbiddenByPolicy"}.get(self.guard)
            raise Refused(403, "Forbidden", "Caller is not authorized to perform action on resource.", inner)


def find_resource(url: str) -> str:
    """The resource that the vault at an address names: the domain above it, with the port of the client's address (a proxy's)."""
    return "https://" + url.partition("://")[2].partition(".")[2]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300
    server: Any

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        with self.server.service.lock:
            headers: Dict[str, str] = {}
            reply = self._answer(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), content, headers)
            if parts.path != "/-/orders":
                self.server.service.note(self.command, self.path, reply.status, length)
        self._send(reply, headers)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _answer(self, path: str, query: Dict[str, str], content: bytes, headers: Dict[str, str]) -> Reply:
        service = self.server.service
        if self.server.vault is None:
            return service.entra.handle_machine(path, query, self.headers.get("Metadata"))  # type: ignore[no-any-return]
        if path == "/-/orders":
            if self.headers.get("X-Key") != service.key:
                return Reply(403)
            return Reply(200, service.obey(json.loads(content)))
        failure = service.take_failure(path)
        if failure is not None:
            headers.update(failure.get("headers", {}))
            return Reply(failure["status"], failure.get("body", {"error": {"code": "Throttled", "message": "ordered"}}))
        if not path.startswith(("/secrets", "/deletedsecrets", "/keys/")):
            form = dict(parse_qsl(content.decode("latin-1")))
            if (self.command, path) == ("POST", "/oauth2/exchange"):
                return service.entra.exchange(form, self.headers.get("Host", ""))  # type: ignore[no-any-return]
            return service.entra.handle(self.command, path, form)  # type: ignore[no-any-return]
        return self._answer_vault(path, query, content, headers)

    def _answer_vault(self, path: str, query: Dict[str, str], content: bytes, headers: Dict[str, str]) -> Reply:
        service, vault = self.server.service, self.server.vault
        vault.url = "https://" + self.headers.get("Host", "")
        resource = find_resource(vault.url)
        client = service.entra.find_client(self.headers.get("Authorization"), resource)
        if client is None:
            challenge = 'Bearer authorization="{0}/{1}", resource="{2}"'
            headers["WWW-Authenticate"] = challenge.format(service.url, service.entra.tenant, service.resource or resource)
            return Reply(401, {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}})
        try:
            body = json.loads(content) if content else None
            if path.startswith("/keys/"):
                service.check_grant(client, service.keys.permission(path))
                return service.keys.handle(vault.url, self.command, path, query, body)  # type: ignore[no-any-return]
            service.check_grant(client, vault.permission(self.command, path))
            return vault.handle(self.command, path, query, body)  # type: ignore[no-any-return]
        except ValueError:
            return Reply(400, {"error": {"code": "BadParameter", "message": "no JSON"}})
        except Refused as refused:
            return refused.reply

    def _send(self, reply: Reply, headers: Mapping[str, str]) -> None:
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, vault: Optional[Vault], context: Optional[ssl.SSLContext] = None) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.vault = vault
        self.context = context
        self.service: Any = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the connection."""
        if self.context is not None:
            request.settimeout(60)
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests want."""


def serve(directory: Path) -> None:
    """Serve until a signal ends the process. Writes what a client needs into `ready.json`, as the last thing before."""
    given = json.loads((directory / "given.json").read_text(encoding="utf-8"))
    service = Service(given["port"], directory / "requests.log", given["key"])
    issued = Authority(directory).issue("vault", [LOOPBACK])
    service.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    service.context.load_cert_chain(issued.certificate, issued.key)
    server, machine = _Server(given["port"], service.vault, service.context), _Server(0, None)
    server.service = machine.service = service
    for each in (server, machine):
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
    ready = {**service.obey({"describe": True}), "machine_port": machine.server_address[1]}
    (directory / "ready.new").touch(mode=0o600)
    (directory / "ready.new").write_text(json.dumps(ready), encoding="utf-8")
    (directory / "ready.new").rename(directory / "ready.json")
    threading.Event().wait()
