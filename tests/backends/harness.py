# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests and the bench have to know of a backend: one file each in this directory, whose `HARNESS` says all of it.

Conformance, plays, faults, canaries, the bench, the Molecule scenario `servers` and the documented examples read it, and name no backend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from tests.conformance.store_kind import Bare, Options, StoreKind, encrypting, locking, no_layers

__all__ = ["Bare", "Example", "Harness", "Options", "StoreKind", "Watched", "encrypting", "locking", "no_layers"]


@dataclass(frozen=True)
class Watched:
    """A store whose secrets are looked for.

    Attributes:
        config: its configuration.
        logins: what of it is secret, by a word for people.
        with_login: the same configuration with another secret in the login.
        logs: files that the server writes. What they hold already is of no interest.
    """

    config: Dict[str, Any]
    logins: Mapping[str, str]
    with_login: Callable[[str], Dict[str, Any]]
    logs: Tuple[Path, ...] = ()
    before: Dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before.update({log: log.stat().st_size for log in self.logs if log.exists()})

    def logged(self) -> Iterator[Tuple[str, bytes]]:
        """Yield each log with what the server has written since."""
        for log in self.logs:
            if log.exists():
                yield str(log), log.read_bytes()[self.before.get(log, 0) :]


@dataclass(frozen=True)
class Example:
    """What a documented example needs to run: variables, a directory of programs, and the test's addresses in place of the page's."""

    environment: Mapping[str, str]
    programs: Optional[Path] = None
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Harness:
    """One backend.

    Attributes:
        backend: its name in the registry.
        kinds: the stores that the conformance suite runs on.
        offline: options of a store that works without a server. None: no store does.
        unreachable: options of a store on a server where nothing listens, with this secret in its login. None: it has no server.
        mistake: options with one mistake, and the option that the error names. It is found before any network is used.
        address: the option that says where the server is.
        watched: stores that the canary plays run on, by a word for people.
        example: prepares a page or an example with this text, if it is about this backend. Takes a directory for files.
        lookups: for the bench of whole runs: given names of secrets, this collection's lookup and others' on one server.
    """

    backend: str
    kinds: Tuple[StoreKind, ...]
    offline: Optional[Callable[[Path], Options]] = None
    unreachable: Optional[Callable[[str], Options]] = None
    mistake: Optional[Tuple[Options, str]] = None
    address: str = "url"
    watched: Mapping[str, Callable[[Path], Watched]] = field(default_factory=dict)
    example: Optional[Callable[[str, Path], Optional[Example]]] = None
    lookups: Optional[Callable[[Sequence[str]], ContextManager[List[Any]]]] = None

    def openable(self, directory: Path) -> Dict[str, Any]:
        """Return a store that can be opened without a server, whether or not it can be used then."""
        assert self.offline or self.unreachable
        options = self.offline(directory) if self.offline else {**self.unreachable("secret"), "max_retries": 0}
        return {"backend": self.backend, "audit": "off", **options}
