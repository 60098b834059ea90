# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test `valid_jwt` accepts as well as the token."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import MAX_SKEW, SKEW


def _check(parameters: Mapping[str, Any]) -> None:
    if not 0 <= parameters["skew"] <= MAX_SKEW:
        raise InvalidInput("it is not between 0 and {0} seconds".format(MAX_SKEW), option="skew", remedy="Correct the clocks instead.")
    if parameters["algorithms"] == []:
        raise InvalidInput("no algorithm is left", option="algorithms", remedy="Leave it out to accept those that fit the key.")
    if parameters["ca_file"] and not parameters["jwks_url"]:
        raise InvalidInput("nothing is fetched", option="ca_file", remedy="Leave it out, or give 'jwks_url'.")


VALID_JWT = Specification(
    argument_spec={
        "keys": {"type": "raw", "no_log": False},
        "secret": {"type": "str", "no_log": True},
        "jwks_url": {"type": "str"},
        "ca_file": {"type": "path"},
        "algorithms": {"type": "list", "elements": "str", "choices": list(ALGORITHMS)},
        "issuer": {"type": "str"},
        "audience": {"type": "list", "elements": "str", "default": []},
        "skew": {"type": "int", "default": SKEW},
        "require_expiry": {"type": "bool", "default": True},
    },
    mutually_exclusive=[("keys", "secret", "jwks_url")],
    required_one_of=[("keys", "secret", "jwks_url")],
    check=_check,
)
