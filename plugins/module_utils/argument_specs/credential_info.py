# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_info` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import ArgumentSpec, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import STATES


def filter_options() -> ArgumentSpec:
    """Return the filters over metadata, shared with the lookup `find`."""
    return {
        "prefix": {"type": "str"},
        "type": {"type": "str"},
        "tags": {"type": "raw"},
        "lifecycle": {"type": "list", "elements": "str", "choices": list(STATES)},
        "created_after": {"type": "str"},
        "created_before": {"type": "str"},
        "expires_before": {"type": "str"},
        "expires_within": {"type": "str"},
        "due": {"type": "bool"},
        "due_within": {"type": "str"},
        "query": {"type": "str"},
    }


FILTERS_OF_ONE_THING = (("expires_before", "expires_within"), ("due", "due_within"))
"""Filters that exclude each other."""

_NOT_WITH_A_NAME = ("limit", *(option for option in filter_options() if option != "query"))
"""What chooses among all credentials; `query` is applied to those that are named, too."""

CREDENTIAL_INFO = Specification(
    argument_spec=dict(
        filter_options(),
        **store_options(),
        name={"type": "str"},
        names={"type": "list", "elements": "str"},
        limit={"type": "int"},
        versions={"type": "bool", "default": False},
        usage={"type": "bool", "default": False},
        deployed={"type": "bool", "default": False},
        health={"type": "bool", "default": False},
        progress={"type": "bool"},
    ),
    mutually_exclusive=[
        ("name", "names"),
        *((named, option) for named in ("name", "names") for option in _NOT_WITH_A_NAME),
        *FILTERS_OF_ONE_THING,
    ],
)
