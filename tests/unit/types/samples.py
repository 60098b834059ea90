# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test gives a type to make a credential of it. A type that is not named here generates one from nothing."""

from __future__ import annotations

import functools
import json
from datetime import datetime, timezone

from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.container_registry import PROVIDERS
from tests.type_conformance.type_sample import TypeSample

ATTRIBUTES = {
    "custom": {
        "fields": [
            {"name": "host", "secret": False, "default": "localhost"},
            {"name": "pin", "required": True},
            {"name": "blob", "binary": True},
        ]
    }
}
NOWHERE = "http://127.0.0.1:1"
AWS_LOGIN = {
    "access_key_id": "AKIDSAMPLE",
    "secret_access_key": "c4n4ry/secret+key",
    "region": "eu-central-1",
    "role_arn": "arn:aws:iam::123456789012:role/deploy",
    "external_id": "c4n4ry-shop",
    "endpoint_url": NOWHERE,
}


@functools.lru_cache(maxsize=None)
def make_certificate():
    """A self-signed certificate of that key as PEM; where only Python is installed, a text that no type reads there."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
    except ImportError:
        return "c4n4ry without cryptography"
    key, name = serialization.load_pem_private_key(make_rsa_key().encode(), None), x509.Name([])
    begins = datetime(2020, 1, 1, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins.replace(year=2040))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@functools.lru_cache(maxsize=None)
def make_rsa_key():
    """A private RSA key as PEM; where only Python is installed, a text that no type reads there."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError:
        return "c4n4ry without cryptography"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def make_service_account_key():
    """The key of a service account, as Google writes one."""
    parts = {"client_email": "app@tests.iam.gserviceaccount.com", "private_key": make_rsa_key(), "token_uri": NOWHERE + "/token"}
    return json.dumps({"type": "service_account", "project_id": "tests", "private_key_id": "1", "client_id": "1", **parts})


GIVEN = {
    "api_key": {"param_name": "X-API-Key", "endpoint": "https://api.example.com"},
    "aws": AWS_LOGIN,
    "azure": {"client_secret": "c4n4ry~secret", "tenant_id": "1-2-3", "client_id": "4-5-6", "authority": "127.0.0.1:1"},
    "basic": {"username": "app"},
    "certificate": {"passphrase": "c4n4ry of many words", "alt_names": "app.example.com, 192.0.2.7", "keystore_passphrase": "c4n4ry-store"},
    "chain": {"credentials": "first, second"},
    "composite": {"login": "first", "name": "second:username"},
    "custom": {"host": "door.example.com"},
    "database": {"username": "app", "engine": "mysql", "host": "db.example.com", "port": "3306", "database": "shop", "ssl_mode": "require"},
    "gcp": {"service_account_key": make_service_account_key},
    "github_app": {"private_key": make_rsa_key, "app_id": "1234", "installation_id": "5678", "api_url": NOWHERE},
    "kerberos": {"principal": "HTTP/app.example.com@EXAMPLE.COM", "kdc": "127.0.0.1:1", "service": "HTTP@web.example.com"},
    "ldap": {"url": "ldaps://127.0.0.1:1", "bind_dn": "uid=app,ou=services,dc=example,dc=com"},
    "jwt": {"issuer": "https://deploy.example", "audience": "registry", "lifetime": "10m"},
    "oauth2": {"client_id": "robot", "client_secret": "c4n4ry of many words", "token_url": "http://127.0.0.1:9/token", "scope": "api:read"},
    "rds_iam": {**AWS_LOGIN, "host": "shop.abc.eu-central-1.rds.amazonaws.com", "port": "5432", "username": "app"},
    "registry": {"provider": "acr", "server": "shop.azurecr.io", "client_secret": "c4n4ry~", "tenant_id": "1-2-3", "client_id": "4-5-6"},
    "saml": {
        "entity_id": "https://deploy.example.com/saml",
        "acs_url": "https://deploy.example.com/saml/acs",
        "private_key": make_rsa_key,
        "certificate": make_certificate,
        "idp_entity_id": "https://idp.example.com",
        "idp_sso_url": "https://idp.example.com/sso",
        "idp_certificates": make_certificate,
    },
    "ssh_key": {"passphrase": "c4n4ry of many words", "comment": "app@example.com"},
    "totp": {"account": "app", "issuer": "shop.example.com", "algorithm": "SHA256"},
}
NAMED = {"chain": ("first", "second"), "composite": ("first", "second")}
"""The other credentials that a credential of the type is made of."""
PACKAGES = {"registry": PROVIDERS["acr"].packages, "database": (), "ldap": ()}
"""What a type needs for what it is given, where that is not all that its class names."""


def _build_sample(name):
    attributes, named = ATTRIBUTES.get(name, {}), NAMED.get(name, ())
    return TypeSample(name, given=GIVEN.get(name, {}), attributes=attributes, named=named, packages=PACKAGES.get(name))


SAMPLES = tuple(map(_build_sample, registry.TYPES))
