# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import MakeCandidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, TargetTraits


@dataclass(frozen=True)
class Request:
    """What a rotation is asked for.

    Attributes:
        name: the credential.
        kind: the kind of the target, none or manual included.
        traits: how the target behaves.
        make: gives the new value for the current record; called when none is stored yet, and only then.
        target: the target's description for the journal and the report, without secrets.
        grace: how long previous is kept after the promotion.
        manual: a person drives the phases.
    """

    name: str
    kind: str
    traits: TargetTraits
    make: MakeCandidate = field(repr=False)
    target: Mapping[str, Any] = field(default_factory=dict)
    grace: timedelta = timedelta(0)
    manual: bool = False

    @property
    def driven(self) -> bool:
        """Whether there is a driver that can send to the target and ask it."""
        return not self.manual and self.kind != NO_TARGET
