# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.vault_request` and the lookup `nebula.credential.vault` accept."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import reading_reactions
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import (
    ArgumentSpec,
    Specification,
    scope_options,
    store_options,
)

SHORTHANDS = ("ssh_sign", "pki_sign", "transit", "token_create")
WRAP, UNWRAP = "wrap", "unwrap"
_TEXTS = {"type": "list", "elements": "str"}
REQUESTS = ("read", "list", "write", "delete", WRAP, UNWRAP)


def _mount(default: str) -> ArgumentSpec:
    return {"mount": {"type": "str", "default": default}}


def _ssh_sign() -> ArgumentSpec:
    return dict(
        _mount("ssh"),
        role={"type": "str", "required": True},
        public_key={"type": "str", "required": True, "no_log": False},
        principals=dict(_TEXTS),
        ttl={"type": "str"},
        cert_type={"type": "str", "choices": ["user", "host"], "default": "user"},
        key_id={"type": "str", "no_log": False},
        extensions={"type": "dict"},
        critical_options={"type": "dict"},
    )


def _pki_sign() -> ArgumentSpec:
    return dict(
        _mount("pki"),
        role={"type": "str", "required": True},
        csr={"type": "str", "required": True},
        common_name={"type": "str"},
        alt_names=dict(_TEXTS),
        ip_sans=dict(_TEXTS),
        ttl={"type": "str"},
    )


def _transit() -> ArgumentSpec:
    return dict(
        _mount("transit"),
        action={"type": "str", "required": True, "choices": ["encrypt", "decrypt", "rewrap", "sign", "verify", "hmac"]},
        key={"type": "str", "required": True, "no_log": False},
        text={"type": "str", "no_log": True},
        binary={"type": "str", "no_log": True},
        ciphertext={"type": "str"},
        signature={"type": "str"},
    )


def _token_create() -> ArgumentSpec:
    return {
        "role": {"type": "str"},
        "policies": dict(_TEXTS),
        "ttl": {"type": "str"},
        "explicit_max_ttl": {"type": "str"},
        "period": {"type": "str"},
        "num_uses": {"type": "int"},
        "renewable": {"type": "bool"},
        "orphan": {"type": "bool", "default": False},
        "display_name": {"type": "str"},
        "metadata": {"type": "dict"},
    }


def _shorthands() -> ArgumentSpec:
    return {
        "ssh_sign": {"type": "dict", "options": _ssh_sign()},
        "pki_sign": {"type": "dict", "options": _pki_sign()},
        "transit": {"type": "dict", "options": _transit(), "mutually_exclusive": [("text", "binary")]},
        # A token is made by these options; none of them is one.
        "token_create": {"type": "dict", "no_log": False, "options": _token_create(), "mutually_exclusive": [("role", "orphan")]},
    }


VAULT_REQUEST = Specification(
    argument_spec=dict(
        store_options(),
        path={"type": "str"},
        request={"type": "str", "choices": list(REQUESTS)},
        data={"type": "dict", "no_log": True},
        query={"type": "dict"},
        wrap_ttl={"type": "str"},
        token={"type": "str", "no_log": True},
        cache={"type": "str"},
        compare={"type": "bool", "default": False},
        sensitive={"type": "bool"},
        **_shorthands(),
    ),
    mutually_exclusive=[("path", "token", *SHORTHANDS), *(("request", shorthand) for shorthand in SHORTHANDS), ("cache", "wrap_ttl")],
    required_one_of=[("path", "request", *SHORTHANDS)],
)
VAULT = Specification(
    argument_spec=dict(
        reading_reactions(),
        store={"type": "raw"},
        scope={"type": "dict", "options": scope_options()},
        default={"type": "raw"},
        request={"type": "str", "choices": ["read", "list"], "default": "read"},
        field={"type": "str"},
        query={"type": "dict"},
        cache={"type": "str"},
    ),
)
