# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request for a rotation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate, MakeCandidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, TargetTraits, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ONE_PLACE


def keep_as_made(_base: Record, value: Value) -> Candidate:
    """Return the version that is stored for a value that the service made."""
    return Candidate(value.fields, identity=value.identity)


@dataclass(frozen=True)
class Request:
    """The request for a rotation.

    Attributes:
        name: the credential.
        kind: the kind of the target, none or manual included.
        traits: how the target behaves.
        make: returns the new value for the current record; called only if none is stored yet.
        target: the target's description for the journal and the report, without secrets.
        grace: how long previous is kept after the promotion.
        max_grace: how long it is kept at most while a recorded file of a host holds it. Not more than `grace`: none is waited for.
        manual: a person runs the phases.
        places: the hosts that each get the value.
        current_unverified: the task rotates even if the target does not accept the current value.
        current_verified: whether the target accepted the current value just now. None: it was not tried yet, or a person who
            runs the phases does not say.
        validates: previous is to be tried at the target in the grace period.
        complete: returns the version to store for the current record and a value that the service made, with its fields
            checked and its expiry. Default: the value as it was made.
    """

    name: str
    kind: str
    traits: TargetTraits
    make: MakeCandidate = field(repr=False)
    target: Mapping[str, Any] = field(default_factory=dict)
    grace: timedelta = timedelta(0)
    max_grace: timedelta = timedelta(0)
    manual: bool = False
    places: Tuple[str, ...] = ONE_PLACE
    current_unverified: bool = False
    current_verified: Optional[bool] = None
    validates: bool = False
    complete: Callable[[Record, Value], Candidate] = field(default=keep_as_made, repr=False)

    @property
    def is_driven(self) -> bool:
        """Whether there is a driver that can send to the target and probe it."""
        return not self.manual and self.kind != NO_TARGET

    @property
    def is_checked(self) -> bool:
        """Whether the current value needs no probe before something is sent.

        It was tried, there is no driver to try it, or it is not needed to go back: the service shows which value it holds.
        """
        return self.current_verified is not None or not self.is_driven or self.traits.readable
