# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.scan` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import TARGET, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

FINDINGS, VALUES = "findings", "values"
FAIL_ON = (FINDINGS, VALUES)
LIMIT = 1000


def _refuse_target(parameters: Mapping[str, Any]) -> None:
    if parameters.get("run_on") == TARGET:
        remedy = "Leave it out, and fetch what is to be searched."
        raise InvalidInput("every value of the store would have to go to the host", option="run_on", remedy=remedy)


SCAN = Specification(
    argument_spec=dict(
        store_options(),
        paths={"type": "list", "elements": "path", "required": True},
        git={"type": "bool", "default": False},
        staged={"type": "bool", "default": False},
        exclude={"type": "list", "elements": "str"},
        look_alikes={"type": "bool", "default": False},
        prefix={"type": "str"},
        older={"type": "bool"},
        shortest={"type": "int", "default": 8},
        limit={"type": "int", "default": LIMIT},
        fail_on={"type": "str", "choices": list(FAIL_ON)},
    ),
    check=_refuse_target,
)
