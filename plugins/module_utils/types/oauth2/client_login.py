# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a client proves to the token endpoint who it is: a secret, a signed assertion (RFC 7523) or its certificate (RFC 8705)."""

from __future__ import annotations

import base64
import time
from typing import Any, Dict, Optional
from urllib.parse import quote_plus

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, OCT, SignatureKey, read_keys, read_secret
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import settings as oauth2
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import ClientSettings

try:
    from authlib.oauth2.auth import encode_none
    from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
except ImportError:  # The type checks its packages before it loads this file.
    pass

LIFETIME = 60
"""Seconds for which an assertion is valid. It is used at once, and once."""
_SIGNING = ("RS256", "ES256", "ES384", "ES512", "EdDSA", "PS256")
"""The algorithms of assertions, in the order in which a key is tried. Every server knows the first ones."""
_SHARED = "HS256"


def build_tls(settings: ClientSettings) -> Tls:
    """Return the TLS settings of requests to the server."""
    pem = None
    if settings.client_auth == oauth2.MUTUAL_TLS and settings.client_certificate and settings.client_key:
        pem = Secret(settings.client_certificate.expose() + b"\n" + settings.client_key.expose())
    return Tls(ca_data=settings.ca_cert, client_pem=pem)


def read_secret_of(settings: ClientSettings) -> Any:
    """Return what Authlib takes for the client's secret: a text, or a key of joserfc.

    Raises:
        InvalidInput: the key cannot sign an assertion. It is not shown.
    """
    if settings.client_auth == oauth2.KEY_JWT:
        return read_signing_key(settings.client_key).native
    secret = settings.client_secret
    if settings.client_auth == oauth2.SECRET_JWT:
        return read_shared_key(secret).native
    return None if secret is None else secret.expose().decode("utf-8")


def register_login(client: Any, settings: ClientSettings, url: str) -> None:
    """Tell Authlib's client how it logs in at the token endpoint with this address."""
    client.register_client_auth_method((oauth2.BASIC, _encode_basic))
    client.register_client_auth_method((oauth2.MUTUAL_TLS, encode_none))
    now = int(time.time())
    lasts = {"iat": now, "exp": now + LIFETIME}
    if settings.client_auth == oauth2.SECRET_JWT:
        client.register_client_auth_method(ClientSecretJWT(url, claims=lasts, headers={"typ": "JWT"}, alg=_SHARED))
    if settings.client_auth == oauth2.KEY_JWT:
        key = read_signing_key(settings.client_key)
        headers = {"typ": "JWT", "kid": settings.client_key_id or key.key_id}
        client.register_client_auth_method(PrivateKeyJWT(url, claims=lasts, headers=headers, alg=choose_algorithm(key)))


def read_signing_key(key: Optional[Secret]) -> SignatureKey:
    """Return the private key of assertions.

    Raises:
        InvalidInput: it is no private key that signs them.
    """
    try:
        found = read_keys(b"" if key is None else key.expose())
    except MissingLibrary:
        raise
    except InvalidInput as problem:
        oauth2.refuse("client_key", "cannot be used: {0}".format(problem.what), problem.remedy)
    if len(found) != 1 or not found[0].is_private or found[0].kind == OCT:
        oauth2.refuse("client_key", "is not one private key", "Give the private key, as PEM without a passphrase or as a JWK.")
    choose_algorithm(found[0])
    return found[0]


def read_shared_key(secret: Optional[Secret]) -> SignatureKey:
    """Return the client's secret as a key.

    Raises:
        InvalidInput: it is too short for the algorithm (RFC 7518 section 3.2).
    """
    key = read_secret(b"" if secret is None else secret.expose())
    if not key.takes(_SHARED, "sign"):
        remedy = "It needs {0} bytes for {1}. Use 'client_secret_basic'.".format(ALGORITHMS[_SHARED].least_bits // 8, _SHARED)
        oauth2.refuse("client_secret", "is too short for the client_auth 'client_secret_jwt'", remedy)
    return key


def choose_algorithm(key: SignatureKey) -> str:
    """Return the algorithm of a key's assertions.

    Raises:
        InvalidInput: it signs with none of them.
    """
    algorithm = next((each for each in _SIGNING if key.takes(each, "sign")), None)
    if algorithm is None:
        oauth2.refuse("client_key", "signs with none of: {0}".format(", ".join(_SIGNING)), "Use a key of RSA, P-256 or Ed25519.")
    return algorithm


def _encode_basic(client: Any, _method: str, uri: str, headers: Dict[str, str], body: str) -> Any:
    """Encode both parts before they are joined (RFC 6749 section 2.3.1), which Authlib does not."""
    login = "{0}:{1}".format(quote_plus(client.client_id), quote_plus(client.client_secret))
    headers["Authorization"] = "Basic " + base64.b64encode(login.encode("ascii")).decode("ascii")
    return uri, headers, body
