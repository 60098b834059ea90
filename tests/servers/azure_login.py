# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Entra's token endpoint, and the metadata endpoint of a machine, as far as one vault's clients need them.

It checks client secrets, assertions signed by a certificate, tokens of a cluster as a federated credential, and requests for managed
identities. It also makes refresh tokens of a container registry. Tokens are random texts that only this server knows. Not modelled: users,
consent, conditional access, refresh tokens of Entra, tokens as JWT, continuous access evaluation, and the endpoints of App Service, Arc,
Service Fabric and Cloud Shell.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Set

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.azure_secrets import Reply

EXCHANGE = "api://AzureADTokenExchange"
"""The audience of a cluster's token."""
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DEFAULT = "/.default"
_RESOURCE = re.compile(r"https://(?:0\.0\.1:[0-9]+|management\.azure\.com|containerregistry\.azure\.net)(?:/\.default)?\Z")
REGISTRY = "https://containerregistry.azure.net"
_EXCHANGE_FORM = {"grant_type", "service", "tenant", "access_token"}
_FORM = {"client_id", "scope", "grant_type", "client_secret", "client_assertion", "client_assertion_type", "client_info", "claims"}
_MACHINE = {"api-version", "resource", "client_id", "object_id", "msi_res_id"}


class LoginRefused(Exception):
    """What the token endpoint answers to a login that it does not accept."""

    def __init__(self, status: int, error: str, description: str) -> None:
        """Take the status, OAuth's word, and a text."""
        super().__init__(description)
        self.reply = Reply(status, {"error": error, "error_description": description, "error_codes": [0], "trace_id": "", "timestamp": ""})


@dataclass
class Token:
    """A token that was issued: whom it is for, for what, and its end."""

    client: str
    audience: str
    ends_at: float


class Entra:
    """One tenant with its applications, and the machine's identities."""

    def __init__(self, url: str) -> None:
        """Make a tenant with one service principal, which has a secret, a certificate and a federated credential."""
        self.url = url
        self.tenant = "0a1b2c3d-0000-4000-8000-" + secrets.token_hex(6)
        self.client = "11111111-0000-4000-8000-" + secrets.token_hex(6)
        self.machine = "22222222-0000-4000-8000-" + secrets.token_hex(6)
        self.assigned = "33333333-0000-4000-8000-" + secrets.token_hex(6)
        self.secret = secrets.token_urlsafe(30)
        self.certificate: Optional[x509.Certificate] = None
        self.issuer = "https://cluster.invalid"
        self.subject = "system:serviceaccount:ns:ansible"
        self.issuer_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.lifetime = 3599
        self.tokens: Dict[str, Token] = {}
        self._used: Set[str] = set()

    def handle(self, method: str, path: str, form: Mapping[str, str]) -> Reply:
        """Answer a request to the tenant."""
        tenant, _slash, rest = path.strip("/").partition("/")
        if tenant != self.tenant:
            return LoginRefused(400, "invalid_tenant", "AADSTS90002: Tenant not found.").reply
        endpoint = "{0}/{1}/oauth2/v2.0".format(self.url, tenant)
        if method == "GET" and rest == "v2.0/.well-known/openid-configuration":
            issuer = "{0}/{1}/v2.0".format(self.url, tenant)
            places = {"token_endpoint": endpoint + "/token", "authorization_endpoint": endpoint + "/authorize", "issuer": issuer}
            return Reply(200, {**places, "device_authorization_endpoint": endpoint + "/devicecode"})
        if method != "POST" or rest != "oauth2/v2.0/token":
            return Reply(404)
        try:
            self._check_form(form)
            self._check_client(form, endpoint + "/token")
        except LoginRefused as refused:
            return refused.reply
        token = self.issue(self.client, form["scope"][: -len(_DEFAULT)])
        return Reply(200, {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token})

    def issue(self, client: str, resource: str) -> str:
        """A new token for a resource."""
        token = secrets.token_urlsafe(40)
        self.tokens[token] = Token(client, resource, time.time() + self.lifetime)
        return token

    def _check_form(self, form: Mapping[str, str]) -> None:
        if set(form) - _FORM:
            raise LoginRefused(400, "invalid_request", "AADSTS900144: unknown fields")
        if form.get("grant_type") != "client_credentials":
            raise LoginRefused(400, "unsupported_grant_type", "AADSTS70003: the grant is not supported")
        if not _RESOURCE.match(form.get("scope", "")):
            raise LoginRefused(400, "invalid_scope", "AADSTS70011: the scope is not valid")
        if form.get("client_id") != self.client:
            raise LoginRefused(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")

    def _check_client(self, form: Mapping[str, str], endpoint: str) -> None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != _ASSERTION:
                raise LoginRefused(400, "invalid_request", "AADSTS900144: the type of the assertion is missing")
            self._check_assertion(form["client_assertion"], endpoint)
        elif not secrets.compare_digest(form.get("client_secret", "").encode(), self.secret.encode()):
            raise LoginRefused(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")

    def _check_assertion(self, assertion: str, endpoint: str) -> None:
        try:
            head, claims, signed, signature = _read_jwt(assertion)
        except (ValueError, KeyError):
            raise LoginRefused(401, "invalid_client", "AADSTS50027: the assertion is malformed") from None
        wanted = {"iss": self.issuer, "sub": self.subject, "aud": EXCHANGE}
        key = self.issuer_key.public_key()
        scheme: Any = padding.PKCS1v15()
        if claims.get("iss") != self.issuer:
            if self.certificate is None or not self._names_certificate(head):
                raise LoginRefused(401, "invalid_client", "AADSTS700027: The certificate is not registered on the application.")
            wanted = {"iss": self.client, "sub": self.client, "aud": endpoint}
            key = self.certificate.public_key()  # type: ignore[assignment]
            if head.get("alg") == "PS256":
                scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            if claims.get("jti") in self._used or not claims.get("jti"):
                raise LoginRefused(401, "invalid_client", "AADSTS700024: the assertion was used before")
            self._used.add(str(claims["jti"]))
        try:
            key.verify(signature, signed, scheme, hashes.SHA256())
        except InvalidSignature:
            raise LoginRefused(401, "invalid_client", "AADSTS5000129: the signature is not valid") from None
        if any(claims.get(name) != value for name, value in wanted.items()) or not claims.get("exp", 0) > time.time():
            raise LoginRefused(401, "invalid_client", "AADSTS700211: No matching federated identity record found.")

    def _names_certificate(self, head: Mapping[str, Any]) -> bool:
        assert self.certificate is not None
        encoded = self.certificate.public_bytes(serialization.Encoding.DER)
        names = {"x5t": hashlib.sha1(encoded).digest(), "x5t#S256": hashlib.sha256(encoded).digest()}  # noqa: S324  # as RFC 7515 says
        named = [name for name in names if name in head]
        return bool(named) and all(_decode(head[name]) == names[name] for name in named)

    def exchange(self, form: Mapping[str, str], host: str) -> Reply:
        """Answer a container registry's request for its refresh token, which lasts three hours."""
        token = self.tokens.get(form.get("access_token", ""))
        if set(form) != _EXCHANGE_FORM or form["grant_type"] != "access_token" or form["service"] != host:
            return Reply(400, {"errors": [{"code": "UNSUPPORTED", "message": "the grant is not supported"}]})
        if token is None or token.audience != REGISTRY or token.ends_at <= time.time() or form["tenant"] != self.tenant:
            return Reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
        claims = {"iss": "Azure Container Registry", "aud": host, "grant_type": "refresh_token", "exp": int(time.time()) + 3 * 3600}
        parts = ({"alg": "RS256", "typ": "JWT"}, {**claims, "jti": secrets.token_hex(8)})
        return Reply(200, {"refresh_token": ".".join([*(_encode(json.dumps(part).encode()) for part in parts), _encode(b"signature")])})

    def cluster_token(self) -> str:
        """A token of the cluster's service account."""
        claims = {"iss": self.issuer, "sub": self.subject, "aud": EXCHANGE, "exp": int(time.time()) + 3600}
        signed = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return "{0}.{1}".format(signed, _encode(self.issuer_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())))

    def handle_machine(self, path: str, query: Mapping[str, str], metadata: Optional[str]) -> Reply:
        """Answer a request to the metadata endpoint."""
        if path != "/metadata/identity/oauth2/token":
            return Reply(404)
        if metadata != "true" or query.get("api-version") != "2018-02-01" or set(query) - _MACHINE:
            return Reply(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
        resource = query.get("resource", "")
        if not _RESOURCE.match(resource):
            return Reply(400, {"error": "invalid_resource", "error_description": "AADSTS500011: the resource was not found"})
        named = query.get("client_id")
        if named not in (None, self.assigned):
            return Reply(400, {"error": "invalid_request", "error_description": "Identity not found"})
        told = {"access_token": self.issue(named or self.machine, resource), "token_type": "Bearer", "resource": resource}
        ends = {"expires_in": str(self.lifetime), "expires_on": str(int(time.time()) + self.lifetime)}
        return Reply(200, {**told, **ends, "client_id": named or self.machine})

    def find_client(self, header: Optional[str], resource: str) -> Optional[str]:
        """The client whose token for this resource a request carries; None if it carries none that holds."""
        kind, _blank, text = (header or "").partition(" ")
        token = self.tokens.get(text) if kind == "Bearer" else None
        if token is None or token.audience != resource or token.ends_at <= time.time():
            return None
        return token.client


def _read_jwt(text: str) -> Any:
    head, claims, signature = text.split(".")
    return json.loads(_decode(head)), json.loads(_decode(claims)), "{0}.{1}".format(head, claims).encode(), _decode(signature)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
