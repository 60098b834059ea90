# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of an operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret


@dataclass(frozen=True)
class Outcome:
    """A JSON-like result, and the secrets in it or in the parameters, for the edge to mask.

    The result may contain requested values, so it is in no repr. Fields that are not secret are not in `secrets`:
    masking a host name or a port would hide half of the output.
    """

    result: Dict[str, Any] = field(repr=False)
    secrets: Tuple[Secret, ...] = ()
