# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test gives a type to make a credential of it. A type that is not named here generates one from nothing."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

ATTRIBUTES = {
    "custom": {
        "fields": [
            {"name": "host", "secret": False, "default": "localhost"},
            {"name": "pin", "required": True},
            {"name": "blob", "binary": True},
        ]
    }
}
GIVEN = {
    "api_key": {"param_name": "X-API-Key", "endpoint": "https://api.example.com"},
    "basic": {"username": "app"},
    "chain": {"credentials": "first, second"},
    "composite": {"login": "first", "name": "second:username"},
    "custom": {"host": "door.example.com"},
    "database": {"username": "app", "engine": "mysql", "host": "db.example.com", "port": "3306", "database": "shop", "ssl_mode": "require"},
    "jwt": {"issuer": "https://deploy.example", "audience": "registry", "lifetime": "10m"},
    "ssh_key": {"passphrase": "c4n4ry of many words", "comment": "app@example.com"},
    "totp": {"account": "app", "issuer": "shop.example.com", "algorithm": "SHA256"},
}
NAMED = {"chain": ("first", "second"), "composite": ("first", "second")}
"""The other credentials that a credential of the type is made of."""


def attributes_of(name):
    """The attributes of the metadata that a type needs."""
    return ATTRIBUTES.get(name, {})


def given_to(name):
    """The fields beside those that the type generates; with them, the type needs each of its packages."""
    return {field: Secret(value) for field, value in GIVEN.get(name, {}).items()}
