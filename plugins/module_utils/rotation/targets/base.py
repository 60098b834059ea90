# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of a rotation target: what is known about a kind of service, and how its value is changed there.

A target has two halves. The pure half (`traits`, `describe`, `places`, `next_fields`) works in any process and contacts
nothing. The acting half (`precheck` and the methods after it) works in the driver's process and contacts the service through
the `Modules` that it gets. The engine sees only `TargetTraits` and the outcomes that the acting half returns.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Dict, Mapping, Optional, Protocol, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

OVERLAP_NONE = "none"
ALTERNATING = "alternating"
DUAL = "dual"
MULTI = "multi"

NATIVE = "native"
REAPPLY = "reapply"
NO_ROLLBACK = "none"

OURS = "ours"
SERVICE = "service"

_WRONG_BYTES = 24

NO_TARGET = "none"
"""The kind of `target: none`: only the value in the store changes."""
MANUAL = "manual"
"""The kind of a rotation whose phases a person or a play runs one by one."""


@dataclass(frozen=True)
class TargetTraits:
    """How a target behaves when its value changes. Data, no code. Times are in seconds.

    Attributes:
        overlap: none (one value at a time), alternating (two users take turns), dual (old and new are both accepted), multi.
        rollback: native (the target undoes the change), reapply (the old value is sent again), none (forward only).
        probe: how a value is tried at the target, in words.
        max_request_life: after this time a request that was sent can no longer take effect.
        apply_limit: how long one apply, make, listing or retire may take; always shorter than the lease.
        ask_limit: how long one probe may take, polling included.
        maker: ours (the value is stored, then sent) or service (the service makes it; it is stored before anything else).
        slots: how many values the target accepts at once; 1 with overlap none, 2 with alternating and dual.
        marks: a value that the service makes carries our mark, so that a stray one is known to be ours.
        sole_owner: the user declared that only this rotation makes values there, so that a stray without a mark is ours.
        readable: the service shows the value that it made whenever it is requested. So a value whose response was lost is read, and
            such a service may accept one value only. `make` returns the value that the service holds if that is not `base`.
        propagation: how long it takes until a change is visible everywhere; the driver waits for it before the first probe.
        old_accepted_for: how long the target continues to accept an old value after a change.
        grants_last: with overlap none: how long what was granted with an old value (a ticket) may be used, although the value itself is
            refused. The old value then stays as previous for a grace period, which is that long by default, and `retire` drops it.
        min_interval: the target refuses a second change within this time.
        wrong_value: a random wrong value can be tried, to detect a target that accepts anything.
        argv_safe: acting puts no value into the arguments of a process.
    """

    overlap: str
    rollback: str
    probe: str
    max_request_life: int
    apply_limit: int = 60
    ask_limit: int = 30
    maker: str = OURS
    slots: int = 1
    marks: bool = False
    sole_owner: bool = False
    readable: bool = False
    propagation: int = 0
    old_accepted_for: int = 0
    grants_last: int = 0
    min_interval: int = 0
    wrong_value: bool = True
    argv_safe: bool = True


NO_TARGET_TRAITS = TargetTraits(DUAL, NO_ROLLBACK, "none: the new value is sent nowhere", 0, slots=2)
"""`target: none`: nothing is sent, so nothing can land late."""

MANUAL_TRAITS = TargetTraits(OVERLAP_NONE, REAPPLY, "the person or play that runs the phases reports the result", 3600)
"""The phases prepare, test, commit and rollback without a target of ours: the engine does not know what is sent, or when."""


@dataclass(frozen=True)
class Requirement:
    """Something that must be installed.

    Attributes:
        kind: collection or python.
        name: the name of the collection or package.
        install: the exact line that installs it.
        where: the machine that needs it: controller (checked before anything is begun) or target (checked by `precheck`).
        parts: for a collection, the full names of the modules that are used; for a package, import names, one of which must be found.
    """

    kind: str
    name: str
    install: str
    where: str = "controller"
    parts: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Value:
    """One version of the credential's value.

    Attributes:
        fields: all fields of the version. Never in a repr.
        identity: identifies the value at the service (key id, key version, fingerprint). Nothing secret. It belongs to the
            version and is stored with it. Its key `id` is the id by which `list_held` names the value.
        primary: the field that is rotated, which `get` returns.
    """

    fields: Fields = field(repr=False)
    identity: Mapping[str, str] = field(default_factory=dict)
    primary: str = "password"


@dataclass(frozen=True)
class Held:
    """A value that the service holds: our mark on it ("" if it has none), and when it was made (seconds since 1970, or None)."""

    mark: str = ""
    created: Optional[int] = None


@dataclass(frozen=True)
class Made:
    """The result of `make`: an outcome as of apply, and with `applied` the value that the service made."""

    outcome: str
    value: Optional[Value] = None


class Modules(Protocol):
    """How a target acts: by Ansible modules, or by programs of the user's own. The driver supplies it."""

    def run(self, name: str, arguments: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        """Return the result of a module by its full name, run at `place` ("": the task's host).

        Without a response, return `{"unreachable": True}`. No argument and no result is shown or logged.
        """

    def run_program(self, argv: Sequence[str], stdin: bytes, place: str = "") -> Optional[int]:
        """Return the exit status of a program that is run at `place`, or None without a response. Its output is discarded.

        The bytes reach its standard input without passing through a file or an argument.
        """

    def read_connection(self, place: str) -> Mapping[str, Any]:
        """Return how Ansible reaches a host, without contacting it.

        `host`, `port` (or None), `password_users` (the accounts there whose passwords Ansible is given, to log in and to become
        another user), and over ssh `executable`, its `arguments` (a list) and `host_key_checking`.
        """

    def time_left(self) -> float:
        """Return the seconds that the step may still take."""

    def note(self, text: str) -> None:
        """Keep a cause for the report, in words of the target's own: no value, and no text of a module. The last one counts."""


class Target(ABC):
    """A kind of service whose value changes with the credential. A subclass is one file in `rotation/targets`."""

    kind: ClassVar[str]
    """What the option `target` takes. The option of the same name holds the target's own options."""

    summary: ClassVar[str]
    """What it is, in a sentence for the documentation of the option `target`."""

    about: ClassVar[Tuple[str, ...]]
    """What its own options are for, one paragraph per item."""

    options: ClassVar[Mapping[str, Option]]
    exclusive: ClassVar[Tuple[Tuple[str, ...], ...]] = ()
    """Groups of options of which one may be given."""

    requires: ClassVar[Tuple[Requirement, ...]] = ()

    secret_arguments: ClassVar[Tuple[str, ...]] = ()
    """Arguments of its modules that hold a secret, or a value derived from one (a verifier): masked before the module is run."""

    @property
    @abstractmethod
    def traits(self) -> TargetTraits:
        """How this target behaves with its options."""

    @abstractmethod
    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        """Set the options, checked and completed by their defaults, and the credential's current value. Contact nothing.

        For `check` and for acting, an option that names a credential holds that credential's fields. For the other methods it is
        left out.
        """

    def check(self) -> None:
        """Check that acting has all it needs. Contact nothing.

        Raises:
            InvalidInput: an option is missing, or does not fit the credential or another option.
        """

    @abstractmethod
    def describe(self) -> Dict[str, Any]:
        """Return the address of the target, for the journal and the report. No secret."""

    def places(self) -> Tuple[str, ...]:
        """Return the places that each get the value. One unnamed place unless a target has several."""
        return ("",)

    def next_fields(self, base: Value) -> Fields:
        """Return fields that the value after `base` must have (the user whose turn it is). Empty unless overridden."""
        return {}

    def find_flaw(self, value: Value) -> str:
        """Return why the service can never accept a value, in words without it. Empty if it can. Contact nothing.

        A new value with a flaw is refused before a rotation begins.
        """
        return ""

    @abstractmethod
    def precheck(self, modules: Modules) -> None:
        """Check, before anything is begun, that the target can be reached and has what is to be changed. Change nothing.

        Raises:
            MissingLibrary, Unavailable, NotFound: as the class says.
        """

    @abstractmethod
    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        """Make the target accept a value. Return applied, refused, unknown or unavailable; unknown if the outcome is not certain."""

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        """Have the service make a value (maker `service`), with our mark on it if the service has marks."""
        return Made(steps.REFUSED)

    def list_held(self, modules: Modules) -> Optional[Dict[str, Held]]:
        """Return the values that the service holds, by id. None if they could not be listed."""
        return None

    @abstractmethod
    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        """Try a value at the target on a fresh connection. Return accepted, refused, or unavailable if neither is certain."""

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        """Return what makes the target refuse every value of that account, in words: it may not log in, has expired. Empty if nothing.

        The driver calls it if a value was refused: then the refusal shows nothing about the value. It also calls it for the account
        of the next value, before anything is sent.
        """
        return ""

    def is_same(self, value: Value, other: Value) -> bool:
        """Whether the target cannot distinguish two values, so that dropping one would drop the other. Contact nothing.

        The driver drops no value that is the same as the current one.
        """
        names = (value.primary, "username")
        return value.primary in value.fields and all(value.fields.get(name) == other.fields.get(name) for name in names)

    def wrong_value(self, value: Value) -> Optional[Value]:
        """Return the value with a random wrong secret, or None if the traits say that none can be tried."""
        if not self.traits.wrong_value:
            return None
        wrong = Secret(secrets.token_urlsafe(_WRONG_BYTES))
        return replace(value, fields=dict(value.fields, **{value.primary: wrong}))

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        """Make the target drop a value. Return an outcome as of apply; applied if the value is absent already."""
        return steps.REFUSED
