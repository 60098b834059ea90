# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets that a rotation can be driven against. Static: a module's payload is built from what can be read here."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import MANUAL_TARGET, NO_TARGET, Card

CARDS: Mapping[str, Card] = {
    NO_TARGET.kind: NO_TARGET,
    MANUAL_TARGET.kind: MANUAL_TARGET,
    postgresql.SINGLE_USER.kind: postgresql.SINGLE_USER,
}
"""By kind. PostgreSQL's other card, for two users who take turns, is `postgresql.ALTERNATING_USERS`."""

TARGETS = (NO_TARGET.kind, postgresql.SINGLE_USER.kind)
"""What the option `target` takes."""
