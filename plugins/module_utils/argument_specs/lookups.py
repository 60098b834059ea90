# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups accept as well as their terms."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_info import FILTERS_OF_ONE_THING, filter_options
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import ArgumentSpec, Specification, scope_options

ERROR, DEFAULT, WARN, SKIP = "error", "default", "warn", "skip"
REACTIONS = (ERROR, DEFAULT, WARN, SKIP)


def _where() -> ArgumentSpec:
    return {
        "store": {"type": "raw"},
        "scope": {"type": "dict", "options": scope_options()},
    }


def reading_reactions() -> ArgumentSpec:
    """Return the options that say what a lookup does if it cannot read."""
    return {option: {"type": "str", "choices": list(REACTIONS)} for option in ("on_missing", "on_denied", "on_error")}


def _reading_one_field() -> ArgumentSpec:
    return dict(
        _where(),
        **reading_reactions(),
        default={"type": "raw"},
        field={"type": "str"},
        stage={"type": "str", "choices": ["current", "pending", "previous"], "default": "current"},
        fresh={"type": "bool", "default": False},
    )


def _reading() -> ArgumentSpec:
    return dict(
        _reading_one_field(),
        fields={"type": "list", "elements": "str"},
        encoding={"type": "str", "choices": ["text", "base64"], "default": "text"},
        hash={"type": "str", "choices": ["sha512_crypt", "sha256_crypt", "bcrypt", "scram"]},
        hash_rounds={"type": "int"},
        salt_for={"type": "str"},
    )


_OF_ONE: ArgumentSpec = {"version": {"type": "str"}, "fallback": {"type": "list", "elements": "str"}}
_OF_HASH = {"hash_rounds": ["hash"], "salt_for": ["hash"]}
_ONE_FIELD = (("field", "fields"), ("hash", "fields"))


GET = Specification(
    argument_spec=dict(_reading(), **_OF_ONE),
    mutually_exclusive=[*_ONE_FIELD, ("version", "fallback")],
    required_by=_OF_HASH,
)
GET_MANY = Specification(
    argument_spec=dict(_reading(), prefix={"type": "str"}, tags={"type": "raw"}, max_names={"type": "int"}),
    mutually_exclusive=_ONE_FIELD,
    required_by=_OF_HASH,
)
FILE = Specification(argument_spec=dict(_reading_one_field(), **_OF_ONE), mutually_exclusive=[("version", "fallback")])
FIND = Specification(
    argument_spec=dict(_where(), **filter_options()),
    mutually_exclusive=list(FILTERS_OF_ONE_THING),
)
