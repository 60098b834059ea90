# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to log in to the OpenBao of the tests, made for one test and named after it."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from typing import Any, Dict

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import fill_from_environment
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS

READS = 'path "secret/data/logins/*" { capabilities = ["read"] }\npath "secret/metadata/logins/*" { capabilities = ["list"] }'
PLACE = "secret/data/logins/one"


def connected(server: Any, auth: Any = None, *, warn: Any = lambda _message: None, **settings: Any) -> Connection:
    """A connection of ours to that server."""
    if server.tls:
        settings.setdefault("ca_cert", str(server.ca_cert))
    written = dict({"url": server.url, "auth": auth}, **settings)
    return Connection(fill_from_environment(CONNECTION_TRAITS, written, os.environ).config, store="prod", warn=warn)


class Ways:
    """Makes ways to log in that lead to a token which may read `PLACE`, and nothing else."""

    def __init__(self, server: Any) -> None:
        """Write the policy and what it lets read."""
        self.server = server
        self.own = "w" + uuid.uuid4().hex[:8]
        self.policy = server.policy("reads-logins", READS)
        server.call("POST", PLACE, {"data": {"it": "works"}})

    def token(self, **options: Any) -> Dict[str, Any]:
        """A token that is given to us."""
        return {"token": self.server.token(self.policy, **options)}

    def approle(self, *, wrapped: bool = False, **role: Any) -> Dict[str, Any]:
        """An AppRole, with a secret_id if it takes one."""
        mount = self.server.enable("approle", self.own + "-approle", auth=True)
        place = "auth/{0}/role/test".format(mount)
        self.server.call("POST", place, dict({"token_policies": [self.policy], "token_ttl": "20m"}, **role))
        role_id = self.server.call("GET", place + "/role-id")["data"]["role_id"]
        auth = {"method": "approle", "mount": mount, "role_id": role_id}
        if wrapped:
            auth.update(secret_id=self.wrapped(place), secret_id_wrapped=True)
        elif role.get("bind_secret_id", True):
            auth.update(secret_id=self.secret_id(place))
        return auth

    def secret_id(self, place: str) -> str:
        """Another secret_id of a role."""
        return str(self.server.call("POST", place + "/secret-id", {})["data"]["secret_id"])

    def wrapped(self, place: str) -> str:
        """The token that stands for another secret_id of a role."""
        client = self.server.client()
        answer = client.adapter.post("/v1/{0}/secret-id".format(place), json={}, wrap_ttl="60s")
        client.adapter.close()
        return str(answer["wrap_info"]["token"])

    def userpass(self, **user: Any) -> Dict[str, Any]:
        """A user with a password."""
        mount = self.server.enable("userpass", self.own + "-userpass", auth=True)
        settings = dict({"password": "right", "token_policies": [self.policy], "token_ttl": "20m"}, **user)
        self.server.call("POST", "auth/{0}/users/me".format(mount), settings)
        return {"method": "userpass", "mount": mount, "username": "me", "password": "right"}

    def jwt(self) -> Dict[str, Any]:
        """A JWT signed by a key that the server trusts."""
        key = ec.generate_private_key(ec.SECP256R1())
        return {"method": "jwt", "mount": self.trusting(key, "vault"), "role": "test", "jwt": signed(key, "vault")}

    def trusting(self, key: ec.EllipticCurvePrivateKey, audience: str) -> str:
        """Where JWTs of that key for that audience are taken: the mount."""
        mount = self.server.enable("jwt", self.own + "-jwt", auth=True)
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.server.call("POST", "auth/{0}/config".format(mount), {"jwt_validation_pubkeys": [public.decode()]})
        role = {"role_type": "jwt", "bound_audiences": [audience], "user_claim": "sub", "token_policies": [self.policy], "token_ttl": "20m"}
        self.server.call("POST", "auth/{0}/role/test".format(mount), role)
        return mount

    def certificate(self) -> Dict[str, Any]:
        """A client's certificate: the auth, and the options of TLS that go with it."""
        mount = self.server.enable("cert", self.own + "-cert", auth=True)
        issued = self.server.issue(self.own)
        role = {"certificate": self.server.ca_cert.read_text(), "allowed_common_names": [self.own], "token_policies": [self.policy]}
        self.server.call("POST", "auth/{0}/certs/test".format(mount), role)
        tls = {"client_cert": str(issued.certificate), "client_key": str(issued.key)}
        return dict(tls, auth={"method": "cert", "mount": mount, "role": "test"})

    def logins(self) -> int:
        """How many logins of the methods made here the server has seen, refused ones included."""
        return len([request for request in self.server.requests("auth/" + self.own) if "/login" in request["path"]])


def signed(key: ec.EllipticCurvePrivateKey, audience: str, seconds: int = 300) -> str:
    """A JWT (RFC 7519, ES256) that ends in so many seconds."""
    claims = {"aud": audience, "sub": "somebody", "iat": int(time.time()) - 60, "exp": int(time.time()) + seconds}
    content = ".".join(_part(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
    numbers = decode_dss_signature(key.sign(content.encode(), ec.ECDSA(hashes.SHA256())))
    return content + "." + _part(b"".join(number.to_bytes(32, "big") for number in numbers))


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
