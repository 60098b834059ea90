# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the state of the last refresh is kept when a person writes the credential: a token that was used up must not be sent again."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import REFRESH, Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import LOST, RefreshStatus, read_refresh_status
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential

_OF_THE_FIELDS = ("orphaned", "identity")
"""Attributes of exactly the fields with which they were written."""


def keep_attributes(credential: Credential, fields: Fields) -> Optional[Dict[str, Any]]:
    """Return the attributes of the next value if it keeps the refreshed state, that is if the fields are the same or the type says so.

    What a person has changed may be what the service refused, so a refusal is forgotten then. A lost response is not: the token that
    was sent with it may be used up.

    Returns:
        The attributes; None if the state belongs to the old fields alone.

    Raises:
        Conflict: a refresh is under way.
    """
    is_same = dict(fields) == dict(credential.fields)
    if not is_same and not credential.kind.keeps_state(credential.fields, fields):
        return None
    if credential.metadata.lifecycle == lifecycle.REFRESHING:
        remedy = "Run it again in a moment. If the process that refreshed it has died, reading the credential ends the refresh."
        raise Conflict("it is being refreshed, and its response would be lost", name=credential.name, remedy=remedy)
    attributes = dict(credential.metadata.attributes)
    if is_same:
        return attributes
    kept = {name: value for name, value in attributes.items() if name not in (*_OF_THE_FIELDS, REFRESH)}
    is_lost = read_refresh_status(credential.record).problem == LOST
    return RefreshStatus(problem=LOST).write(kept) if is_lost else kept
