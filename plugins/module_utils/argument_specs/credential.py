# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import (
    TARGET,
    ArgumentSpec,
    Specification,
    store_options,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import Custom

PRESENT, ABSENT, REVOKED, RESTORED = "present", "absent", "revoked", "restored"
UPDATE, KEEP = "update", "keep"
STATES = (PRESENT, ABSENT, REVOKED, RESTORED)


def _generate_options() -> ArgumentSpec:
    return {
        "kind": {
            "type": "str",
            "choices": ["password", "hex", "urlsafe", "uuid", "passphrase", "pattern", "policy", "ed25519", "ecdsa", "rsa"],
        },
        "length": {"type": "int"},
        "lowercase": {"type": "int"},
        "uppercase": {"type": "int"},
        "digits": {"type": "int"},
        "symbols": {"type": "int"},
        "symbol_set": {"type": "str"},
        "exclude_ambiguous": {"type": "bool"},
        "exclude": {"type": "str"},
        "bytes": {"type": "int"},
        "bits": {"type": "int"},
        "words": {"type": "int"},
        "separator": {"type": "str"},
        "pattern": {"type": "str"},
        "policy": {"type": "str"},
    }


def policy_options() -> ArgumentSpec:
    """Return the options of a rotation policy (`rotation_policy.RotationPolicy`)."""
    return {
        "kind": {"type": "str", "choices": ["manual", "periodic", "before_expiry", "scheduled"], "default": "manual"},
        "every": {"type": "str"},
        "before": {"type": "str"},
        "at": {"type": "str"},
        "warning": {"type": "str"},
        "cron": {"type": "str"},
        "zone": {"type": "str"},
        "grace": {"type": "str"},
        "max_grace": {"type": "str"},
        "strategy": {"type": "str", "choices": ["blue_green", "replace"]},
        "validate_rotated": {"type": "bool"},
        "jitter": {"type": "str"},
        "offset": {"type": "str"},
        "windows": {
            "type": "list",
            "elements": "dict",
            "options": {
                "days": {"type": "list", "elements": "str"},
                "from": {"type": "str", "required": True},
                "until": {"type": "str", "required": True},
            },
        },
    }


def _build_field_options() -> ArgumentSpec:
    return {
        "name": {"type": "str", "required": True},
        "secret": {"type": "bool", "default": True, "no_log": False},
        "required": {"type": "bool", "default": False},
        "binary": {"type": "bool", "default": False},
        "primary": {"type": "bool", "default": False},
        "default": {"type": "str"},
        "description": {"type": "str"},
        "pattern": {"type": "str"},
        "min_length": {"type": "int"},
        "max_length": {"type": "int"},
        "choices": {"type": "list", "elements": "str"},
        "expiry": {"type": "bool"},
        "refreshed_by": {"type": "str"},
    }


def one_credential() -> ArgumentSpec:
    """Return the options that describe one credential, alone or as an element of `credentials`."""
    return {
        "type": {"type": "str"},
        "value": {"type": "raw", "no_log": True},
        "value_from": {"type": "dict", "no_log": False, "options": {"file": {"type": "path", "required": True}}},
        "prompt": {"type": "bool"},
        "on_exists": {"type": "str", "choices": [UPDATE, KEEP]},
        "overwrite": {"type": "bool"},
        "fields": {"type": "dict", "no_log": True},
        "encoding": {"type": "str", "choices": ["text", "base64"], "default": "text"},
        "allow_empty": {"type": "bool", "default": False},
        "check": {"type": "bool", "default": False},
        "generate": {"type": "dict", "options": _generate_options()},
        "declared_fields": {"type": "list", "elements": "dict", "options": _build_field_options()},
        "description": {"type": "str"},
        "tags": {"type": "raw"},
        "metadata": {"type": "dict"},
        "expires_at": {"type": "str"},
        "ttl": {"type": "str"},
        "policy": {"type": "dict", "options": policy_options()},
        "rotation": {"type": "dict", "options": {"target": {"type": "str"}, "options": {"type": "dict"}}},
        "version": {"type": "str"},
        "expected_version": {"type": "str"},
        "idempotency_key": {"type": "str", "no_log": False},
        "force": {"type": "bool", "default": False},
        "recoverable": {"type": "bool"},
        "permanent": {"type": "bool"},
        "revoke_tokens": {"type": "bool", "no_log": False},
    }


INHERITED = ("encoding", "allow_empty", "check", "force", "recoverable", "permanent", "revoke_tokens")
"""The options that an element of `credentials` takes from the task if it does not set them itself; `state` is another."""
_EXCLUSIVE = (
    ("value", "generate", "prompt", "value_from"),
    ("on_exists", "overwrite", "idempotency_key"),
    ("expires_at", "ttl"),
    ("generate", "version"),
    ("recoverable", "permanent"),
)


def _element() -> ArgumentSpec:
    described = one_credential()
    # A default here would win over the task's value.
    inherited = {option: {key: value for key, value in described[option].items() if key != "default"} for option in INHERITED}
    return dict(
        described,
        **inherited,
        name={"type": "str", "required": True},
        state={"type": "str", "choices": list(STATES)},
        scope=store_options()["scope"],
    )


def _whole() -> ArgumentSpec:
    return dict(
        one_credential(),
        **store_options(),
        name={"type": "str"},
        state={"type": "str", "choices": list(STATES), "default": PRESENT},
        credentials={
            "type": "list",
            "elements": "dict",
            "options": _element(),
            "mutually_exclusive": [list(pair) for pair in _EXCLUSIVE],
        },
        return_value={"type": "bool", "default": False},
        progress={"type": "bool"},
    )


def keeps_existing(described: Mapping[str, Any]) -> bool:
    """Return True if a credential that exists stays as it is."""
    return described.get("on_exists") == KEEP or described.get("overwrite") is False


def _check_each(parameters: Mapping[str, Any]) -> None:
    """Check each credential.

    Raises:
        InvalidInput: a declared secret field has a default, which results would show; or the host would have to read from the controller.
    """
    for described in (parameters, *(parameters.get("credentials") or ())):
        for option in ("prompt", "value_from"):
            if parameters["run_on"] == TARGET and described.get(option):
                remedy = "Leave 'run_on: target' out; or give the value in 'value'."
                raise InvalidInput("it is read on the controller", name=described.get("name"), option=option, remedy=remedy)
        if described.get("declared_fields") is not None:
            try:
                Custom.declare(described["declared_fields"])
            except InvalidInput as error:
                raise error.within(name=described.get("name")) from None


_ALONE = [option for option in one_credential() if option not in INHERITED]

CREDENTIAL = Specification(
    argument_spec=_whole(),
    mutually_exclusive=[*_EXCLUSIVE, ("name", "credentials"), *(("credentials", option) for option in _ALONE)],
    required_one_of=[("name", "credentials")],
    check=_check_each,
)
