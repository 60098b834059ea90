# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_rotate` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import one_credential
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import ArgumentSpec, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import build_argument
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS

AUTO, PREPARE, TEST, COMMIT, ROLLBACK, SETTLE, STATUS = "auto", "prepare", "test", "commit", "rollback", "settle", "status"
FORGET = "forget"
PHASES = (AUTO, PREPARE, TEST, COMMIT, ROLLBACK, SETTLE, STATUS, FORGET)


def _rotate_options() -> ArgumentSpec:
    value = one_credential()
    return {
        "name": {"type": "str", "required": True},
        "phase": {"type": "str", "choices": list(PHASES), "default": AUTO},
        "target": {"type": "str"},
        **{kind: build_argument(target.options, target.exclusive) for kind, target in TARGETS.items()},
        "target_options": {"type": "dict", "no_log": True},
        "options": {"type": "dict", "no_log": True},
        "value": value["value"],
        "fields": value["fields"],
        "allow_empty": value["allow_empty"],
        "generate": value["generate"],
        "ttl": value["ttl"],
        "grace": {"type": "str"},
        "max_grace": {"type": "str"},
        "consumer_ttl": {"type": "str"},
        "serve_stale": {"type": "str"},
        "validate_rotated": {"type": "bool"},
        "only_if_due": {"type": "bool", "default": False},
        "accepted": {"type": "bool"},
        "wrong_refused": {"type": "bool"},
        "forget": {"type": "list", "elements": "str"},
        "sent": {"type": "bool", "default": True},
        "current_unverified": {"type": "bool", "default": False},
        "current_verified": {"type": "bool"},
    }


def _check_target(parameters: Mapping[str, Any]) -> None:
    """Check that the target that is named has its options.

    Raises:
        InvalidInput: they are missing.
    """
    kind = str(parameters.get("target"))
    target = TARGETS.get(kind)
    if target is None or parameters.get(kind) is not None:
        return
    needed = ", ".join("{0}: …".format(name) for name, option in target.options.items() if option.required)
    remedy = "Write them under '{0}', at least '{0}: {{{1}}}'.".format(kind, needed)
    raise InvalidInput("the target '{0}' has no options".format(kind), option=kind, name=parameters["name"], remedy=remedy)


CREDENTIAL_ROTATE = Specification(
    argument_spec=dict(_rotate_options(), **store_options()),
    mutually_exclusive=[("value", "fields"), ("value", "generate")],
    required_if=[
        ("phase", TEST, ("accepted", "wrong_refused")),
        ("phase", FORGET, ("forget",)),
    ],
    check=_check_target,
)
