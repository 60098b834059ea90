# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which consumers of a credential know of its last rotation. They are informed on the controller; this keeps what is left to do.

The record is an attribute beside the value: the date of the value that the consumers were informed of, and those that could not be.
A value with another date is one that none was informed of. So nothing is forgotten by a crash between rotation and information.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_rotated_at
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import retry_conflicts

_INFORMED = "informed"
_OF, _LEFT = "of", "left"


def rotation_informed(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Keep which consumers are not informed yet of the value of a credential.

    Args:
        manager: the manager of the store.
        parameters: `name`; `of`, the date of the value (ISO 8601); `left`, the names of the consumers that are not informed; `scope`.
        context: the caller.

    Returns:
        `{changed, name}`; unchanged if the credential has another value by now.
    """

    def attempt() -> bool:
        record = manager.inspect(parameters["name"], context=context).record
        metadata = record.full_metadata
        if _date_of(metadata) != parameters["of"]:
            return False
        kept = {_OF: parameters["of"], _LEFT: list(parameters["left"])}
        manager.backend.patch_metadata(record.with_metadata(attributes={**metadata.attributes, _INFORMED: kept}), record.revision)
        return True

    with manager.acting(asserting(context, parameters.get("scope"))):
        return Outcome({"changed": retry_conflicts(attempt), "name": parameters["name"]})


def find_uninformed(metadata: Metadata, consumers: Sequence[str]) -> List[str]:
    """Return which of these consumers are not informed of the value; none if it was never rotated."""
    date = _date_of(metadata)
    written = metadata.attributes.get(_INFORMED)
    known = written if isinstance(written, Mapping) and written.get(_OF) == date else {_LEFT: consumers}
    left = known.get(_LEFT)
    return [name for name in consumers if date is not None and isinstance(left, (list, tuple)) and name in left]


def _date_of(metadata: Metadata) -> Any:
    rotated_at = read_rotated_at(metadata)
    return None if rotated_at is None else rotated_at.isoformat()
