# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_rotate` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import one_credential
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import ArgumentSpec, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS

AUTO, PREPARE, TEST, COMMIT, ROLLBACK, SETTLE, STATUS = "auto", "prepare", "test", "commit", "rollback", "settle", "status"
PHASES = (AUTO, PREPARE, TEST, COMMIT, ROLLBACK, SETTLE, STATUS)


def _postgresql_options() -> ArgumentSpec:
    return {
        "host": {"type": "str"},
        "port": {"type": "int"},
        "database": {"type": "str"},
        "unix_socket": {"type": "path"},
        "ssl_mode": {"type": "str"},
        "ca_cert": {"type": "path"},
        "connect_params": {"type": "dict"},
        "role": {"type": "str"},
        "usernames": {"type": "list", "elements": "str"},
        "admin_user": {"type": "str"},
        "admin_password": {"type": "str", "no_log": True},
        "admin_credential": {"type": "str", "no_log": False},
    }


def _rotate_options() -> ArgumentSpec:
    value = one_credential()
    return {
        "name": {"type": "str", "required": True},
        "phase": {"type": "str", "choices": list(PHASES), "default": AUTO},
        "target": {"type": "str", "choices": list(TARGETS)},
        "postgresql": {
            "type": "dict",
            "options": _postgresql_options(),
            "mutually_exclusive": [["admin_password", "admin_credential"], ["role", "usernames"]],
        },
        "value": value["value"],
        "fields": value["fields"],
        "generate": value["generate"],
        "ttl": value["ttl"],
        "grace": {"type": "str"},
        "consumer_ttl": {"type": "str"},
        "serve_stale": {"type": "str"},
        "only_if_due": {"type": "bool", "default": False},
        "accepted": {"type": "bool"},
        "wrong_refused": {"type": "bool"},
        "sent": {"type": "bool", "default": True},
    }


CREDENTIAL_ROTATE = Specification(
    argument_spec=dict(_rotate_options(), **store_options()),
    mutually_exclusive=[("value", "fields"), ("value", "generate")],
    required_if=[
        ("phase", TEST, ("accepted", "wrong_refused")),
        ("target", "postgresql", ("postgresql",)),
    ],
)
