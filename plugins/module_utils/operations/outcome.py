# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.secret import Secret


@dataclass(frozen=True)
class Outcome:
    """The result for the caller, and the secrets that are in it or were given, which output has to be kept free of.

    `result` is JSON-like. By operation:

    - get: `value`: text, or with `fields` a mapping of field to text (base64 with `encoding: base64`).
    - get_many: `values`: a mapping of name to what `get` answers; `failures`: a mapping of name to the error
      (`CredentialError`) for each name that has no value to give.
    - find, credential_info: `credentials`: a list of descriptions (`Credential.describe`), or with `query` what that
      JMESPath expression makes of the list; credential_info adds `health` where asked.
    - credential: `changed`, `credential` (or `credentials`, with a result each), `diff` of descriptions, and `value`
      only with `return_value`.
    """

    result: Dict[str, Any] = field(repr=False)
    secrets: Tuple[Secret, ...] = field(default=(), repr=False)
