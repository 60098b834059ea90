# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind of store that is only read: what the suite of readers has to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Mapping, Optional, Protocol, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class


class ReaderService(Protocol):
    """A running service, or a strict stand-in of it, with one place that the store reads."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of a store on it, login included."""

    @property
    def login(self) -> str:
        """What of the login is secret."""

    def put(self, name: str, fields: Mapping[str, str], tags: Sequence[str] = ()) -> object:
        """Make an entry, or give the entry of that name these values and another version."""

    def remove(self, name: str) -> object:
        """Remove it."""

    def copy(self, name: str) -> object:
        """Make a second entry of the same name, if the service lets people do that."""

    def deny(self, name: str) -> object:
        """Take the right to read this entry from the login, if the service has rights for each entry."""

    def renew_login(self) -> str:
        """Replace the login by another one, which it returns. The former is refused from now on."""

    def respond(self, status: int, content: bytes = b"", headers: Optional[Mapping[str, str]] = None, hangs: bool = False) -> object:
        """Respond to every request like that from now on; with `hangs`, not before the service ends."""

    def count_requests(self) -> int:
        """Return how many requests have come."""

    def close(self) -> object:
        """End it: nothing listens there any more. May be called twice."""


@dataclass(frozen=True)
class ReaderKind:
    """One kind of store that is only read.

    Attributes:
        label: for people; it begins with the backend's name.
        backend: its name in the registry.
        start: starts a service for one test.
        login: the option with the secret of the login.
        fields: the fields of an entry as the suite stores it: a user name and a password, or what the service has in their place.
        primary: the field that is read if none is named.
        rounds: how many requests `get_many` of a number of names makes at most, beyond the first one of a run.
        has_copies: several entries can have one name.
        has_rights: entries can be denied one by one.
        has_tags: entries have tags.
        has_versions: a value that was changed has another version.
    """

    label: str
    backend: str
    start: Callable[[], ContextManager[ReaderService]]
    login: str
    fields: Mapping[str, str]
    primary: str
    rounds: Callable[[int], int]
    has_copies: bool = False
    has_rights: bool = False
    has_tags: bool = False
    has_versions: bool = False

    def open(self, options: Mapping[str, Any]) -> Backend:
        """Open a store with these options."""
        store = backend_class(self.backend)(options, BackendContext(store="readers"))
        store.connect()
        return store
