# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a key source that its tests need. Each source has a harness of its own in this directory."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, KeySourceUnavailable
from tests.servers.processes import LOOPBACK

Entry = Dict[str, Any]


class KeySourceHarness:
    """One source with a key of its own. What a source cannot have happen to it, its harness leaves out, and the suite has no test of it."""

    kind = ""
    label: Optional[str] = None
    """The label of its slots; None if the source makes one up for each."""
    after_loss: Type[CredentialError] = KeySourceUnavailable
    """What a lost key is."""
    can_be_lost_when_revoked = True
    """Whether the key can be gone, too, after the right to use it was taken away."""

    def __init__(self, directory: Path, name: str, monkeypatch: Any) -> None:
        """Take a directory and a name that no other test has, and what sets variables for the test."""
        self.directory = directory
        self.name = name
        self.monkeypatch = monkeypatch
        self.vault_password: Optional[Callable[[Optional[str]], Any]] = None

    def entry(self) -> Entry:
        """Return the entry of `key_sources` with the key of this test. The key is made at the first call."""
        raise NotImplementedError

    def other(self) -> Entry:
        """Return an entry that fits the same slot, and has another key of the same kind."""
        raise NotImplementedError

    def secrets(self) -> Tuple[str, ...]:
        """Return texts that must be nowhere: logins and keys."""
        return ()

    def lose(self) -> None:
        """Have the key gone for good."""
        raise NotImplementedError

    def unreachable(self) -> Entry:
        """Return the entry with a place that does not respond at all, or take the place away and return the entry."""
        raise NotImplementedError

    def stalled(self) -> ContextManager[Entry]:
        """Return a context that yields the entry with a place that accepts the request and says nothing."""
        raise NotImplementedError

    def revoke(self) -> None:
        """Take away the right of the entry's login to use the key, which stays."""
        raise NotImplementedError

    def rotate(self) -> None:
        """Have the place make a new version of the key, which wraps from now on."""
        raise NotImplementedError

    def end(self) -> None:
        """Undo what other tests would notice."""

    @classmethod
    def has(cls, what: str) -> bool:
        """Return True if the source can have this happen to it: the name of a method above."""
        return getattr(cls, what) is not getattr(KeySourceHarness, what)


@contextmanager
def silent_server() -> Iterator[str]:
    """Yield the address of a server that accepts connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        yield "http://{0}:{1}".format(*silent.getsockname())


@contextmanager
def silent_socket(path: Path) -> Iterator[Path]:
    """Yield the path of a socket that accepts connections and says nothing."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        yield path


def closed_address() -> str:
    """Return an address of this machine where nothing listens."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        return "http://{0}:{1}".format(*taken.getsockname())
