# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_rotate_due` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

PARALLEL, MAX_FAIL_PERCENTAGE = "parallel", "max_fail_percentage"
MOST_PARALLEL = 200


def _check_numbers(parameters: Mapping[str, Any]) -> None:
    for option, least, most in ((PARALLEL, 1, MOST_PARALLEL), (MAX_FAIL_PERCENTAGE, 0, 100)):
        if not least <= parameters[option] <= most:
            raise InvalidInput("it is not between {0} and {1}".format(least, most), option=option, remedy="Write a number in that range.")


CREDENTIAL_ROTATE_DUE = Specification(
    argument_spec=dict(
        store_options(),
        prefix={"type": "str"},
        type={"type": "str"},
        tags={"type": "raw"},
        target={"type": "str"},
        parallel={"type": "int", "default": 10},
        max_fail_percentage={"type": "int", "default": 100},
        require_target={"type": "bool", "default": False},
        report={"type": "path"},
        show={"type": "bool", "default": True},
    ),
    check=_check_numbers,
)
