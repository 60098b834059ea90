# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets that a rotation can be driven against. Static: a module's payload is built from what can be read here."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MANUAL,
    MANUAL_TRAITS,
    NO_TARGET,
    NO_TARGET_TRAITS,
    TargetTraits,
)

TRAITS: Mapping[str, TargetTraits] = {
    NO_TARGET: NO_TARGET_TRAITS,
    MANUAL: MANUAL_TRAITS,
    postgresql.KIND: postgresql.SINGLE_USER,
}
"""By kind. PostgreSQL's other traits, for two users who take turns, are `postgresql.ALTERNATING_USERS`."""

TARGETS = (NO_TARGET, postgresql.KIND)
"""What the option `target` takes."""
