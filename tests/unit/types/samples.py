# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test gives a type to make a credential of it. A type that is not named here generates one from nothing."""

from __future__ import annotations

import importlib
import os

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import registry

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
VARIABLE = "NEBULA_CONFORMANCE_TYPES"
"""`module:NAME`, a mapping of types of another party: by name, the class as `type`, and what it is given (`given`, `attributes`)."""


def add_third_parties():
    """Add the types that the environment names, and return their names."""
    module, _colon, name = os.environ.get(VARIABLE, "").partition(":")
    samples = getattr(importlib.import_module(module), name) if module else {}
    for kind, sample in samples.items():
        registry.add_type(kind, sample["type"]())
        GIVEN[kind], ATTRIBUTES[kind] = sample.get("given", {}), sample.get("attributes", {})
    return tuple(samples)


THIRD_PARTIES = add_third_parties()
TYPES = THIRD_PARTIES or registry.TYPES
"""The types that the suite is about: those of another party alone, if the environment names some."""


def attributes_of(name):
    """The attributes of the metadata that a type needs."""
    return ATTRIBUTES.get(name, {})


def given_to(name):
    """The fields beside those that the type generates; with them, the type needs each of its packages."""
    return {field: Secret(value) for field, value in GIVEN.get(name, {}).items()}
