# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.migrate` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import TARGET, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

KEEP, DELETE = "keep", "delete"
TRANSFORM = "transform"
FILTERS = ("prefix", "tags", "type")
"""The options that select credentials together."""


def _check(parameters: Mapping[str, Any]) -> None:
    """Check what the relations of the options cannot say.

    Raises:
        InvalidInput: nothing is selected, or in two ways, or the transformer would have to run on a host.
    """
    selecting = [option for option in ("names", *FILTERS) if parameters.get(option) is not None]
    if parameters.get("all") and selecting:
        raise InvalidInput("it selects every credential", option="all", remedy="Leave 'all' out, or '{0}'.".format(selecting[0]))
    if not parameters.get("all") and not selecting:
        remedy = "Write 'names', 'prefix', 'tags' or 'type'; or 'all: true' for every credential of the store."
        raise InvalidInput("it is not said which credentials are to be migrated", option="names", remedy=remedy)
    for option in ("prefix", "tags"):
        if parameters.get(option) in ("", {}, []):
            raise InvalidInput("it is empty", option=option, remedy="Write 'all: true' for every credential of the store.")
    if parameters.get(TRANSFORM) and parameters.get("run_on") == TARGET:
        remedy = "Leave 'transform' or 'run_on: target' out."
        raise InvalidInput("its expressions are evaluated on the controller", option=TRANSFORM, remedy=remedy)


MIGRATE = Specification(
    argument_spec=dict(
        store_options(),
        to={"type": "raw", "required": True},
        names={"type": "list", "elements": "str"},
        prefix={"type": "str"},
        tags={"type": "raw"},
        type={"type": "str"},
        all={"type": "bool", "default": False},
        transform={"type": "dict", "options": {"name": {"type": "str"}, "tags": {"type": "str"}, "type": {"type": "str"}}},
        after={"type": "str", "choices": [KEEP, DELETE], "default": KEEP},
        other_tenant={"type": "bool", "default": False},
        lossy={"type": "bool", "default": False},
        report={"type": "path"},
        progress={"type": "bool"},
    ),
    mutually_exclusive=[("names", option) for option in FILTERS],
    other_stores=("to",),
    check=_check,
)
