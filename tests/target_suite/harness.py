# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the suite of targets needs of a kind of service: a subclass of `TargetService`. Those of the collection are in `tests/targets`.

The suite drives the target's own code against the service, injects faults, and looks at the service by `opens` alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable, ClassVar, List, Mapping, Optional, Tuple, Type, Union

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import find_target

from .local_runner import LocalRunner

Plain = Mapping[str, Union[str, bytes]]
"""The fields of a value: text, or bytes where they are not UTF-8."""


class TargetService(ABC):
    """One account of a real service: made by `start`, gone after `stop`. Every row of the suite has one of its own.

    A server is started once per process (`tests.servers.once`), not by `start`. A service whose target behaves in several ways
    (two users that take turns, another login) has a subclass for each, with a `label` of its own.
    """

    kind: ClassVar[str]
    """The kind of the target."""
    label: ClassVar[str] = ""
    """The name in the ids of the tests. Default: the kind."""
    credential_type: ClassVar[str] = "basic"
    """The type of the credential that is rotated."""
    overlaps: ClassVar[bool] = False
    """Whether the target accepts the old and the new value at once, by its options."""
    plays_every_fault: ClassVar[bool] = True
    """Whether the fast profile plays every fault, and not only `rows.OF_THE_SERVICE`. One target of each way to rotate is enough."""
    makes: ClassVar[bool] = False
    """Whether the service makes the values: then none is ever sent to it."""
    show: ClassVar[Optional[Callable[..., Plain]]] = None
    """A method that returns the fields that the service shows, if it shows the value that it has made. It is as good as a stored one."""
    target: ClassVar[Optional[Type[Target]]] = None
    """The class of a third party's target. Ours are found by their kind."""
    refuse_new: ClassVar[Optional[Callable[..., None]]] = None
    """A method that makes the service refuse every new value until `reopen`. None if that cannot be had."""
    set_by_hand: ClassVar[Optional[Callable[..., None]]] = None
    """A method that makes the service accept these fields, as an administrator does by hand. None if that cannot be had."""

    def __init__(self, directory: Path) -> None:
        """Set an empty directory of the account's own."""
        self.directory = directory

    @abstractmethod
    def start(self) -> None:
        """Make the account, with the value of `fields`."""

    def stop(self) -> None:
        """Remove the account."""

    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """Return the target's own options."""

    def runner(self) -> LocalRunner:
        """Return what runs the target's modules and programs; for a target on hosts, with these hosts."""
        return LocalRunner()

    def place(self) -> List[str]:
        """Return the beginning of a command that runs a controller where the service can be reached. Empty: anywhere."""
        return []

    def parameters(self) -> Mapping[str, Any]:
        """Return further options of `credential_rotate`, for example `generate`."""
        return {}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        """Return other credentials of the store that the options name (the administrator's): type and fields by name."""
        return {}

    @abstractmethod
    def fields(self) -> Plain:
        """Return the first value, which the service accepts."""

    @abstractmethod
    def opens(self, fields: Plain) -> bool:
        """Whether a fresh login with these fields is accepted. By another client than the target's, also while `shut`."""

    @abstractmethod
    def shut(self) -> None:
        """Make the service unreachable for the target, until `reopen`."""

    @abstractmethod
    def reopen(self) -> None:
        """End `shut` and `refuse_new`."""

    @abstractmethod
    def change_elsewhere(self) -> None:
        """Replace the value, as somebody else would: no stored value opens the service afterwards."""

    def find_target(self) -> Type[Target]:
        """Return the class of the target."""
        return self.target or find_target(self.kind)
