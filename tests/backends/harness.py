# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests and the bench have to know of a backend: one file each in this directory, whose `HARNESS` says all of it.

Conformance, plays, faults, canaries, the bench, the Molecule scenario `servers` and the documented examples read it, and name no backend.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from tests.conformance.reader_kind import ReaderKind
from tests.conformance.store_kind import Bare, Options, StoreKind, encrypting, locking, no_layers

__all__ = [
    "Bare",
    "Choice",
    "Elsewhere",
    "Example",
    "Harness",
    "Options",
    "Place",
    "Price",
    "StoreKind",
    "Storm",
    "Watched",
    "encrypting",
    "locking",
    "no_layers",
]


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
class Price:
    """What a provider charges, in US dollars, beyond its free allowance.

    Attributes:
        calls: for 10,000 calls.
        stored: for what is stored, a month.
        unit: what is counted for that: "secret".
        source: the provider's page.
        as_of: the day on which it was looked up, as ISO writes it.
        other_calls: for 10,000 calls that return no value, if they cost something else.
    """

    calls: float
    stored: float
    unit: str
    source: str
    as_of: str
    other_calls: Optional[float] = None

    def of_a_write(self) -> float:
        """Return what 10,000 requests of a write cost at most: some of them may read the value."""
        return max(self.calls, self.calls if self.other_calls is None else self.other_calls)


class Place(Enum):
    """Where values are kept."""

    MACHINE = "this machine"
    SERVER = "a server"
    CLOUD = "a cloud"
    PROGRAM = "where its program keeps them"


@dataclass(frozen=True)
class Choice:
    """One way to keep credentials, for the page that compares them. It is compared by what it declares and by what was measured.

    Attributes:
        name: for people, as they would look for it: "Vault or OpenBao".
        config: a store as it is written in nebula.yml, in one line of YAML. Logins are left open with `…`.
        kinds: labels of the kinds of stores that stand for it.
        place: where the values are kept.
        tried: what the tests run it on: servers with their versions.
        rights: the least rights that it needs, with a link from docs/integrations/backends.
        note: what to know before choosing it, if it is not for everyone.
        page: its page there, if that is not the backend's.
        price: None if no call costs anything.
    """

    name: str
    config: str
    kinds: Tuple[str, ...]
    place: Place
    tried: str
    rights: str = "–"
    note: str = ""
    page: str = ""
    price: Optional[Price] = None


@dataclass(frozen=True)
class Storm:
    """A server that refuses reads for a while.

    Attributes:
        options: of a store on it.
        begin: has the server refuse the next reads.
        count: how many requests for values have come since the storm began.
    """

    options: Options
    begin: Callable[[], object]
    count: Callable[[], int]


@dataclass(frozen=True)
class Elsewhere:
    """Stores that the tests do not start themselves: the service itself, or a server of another version.

    Attributes:
        variable: the environment variable that names it. Without it the tests do not run there.
        kinds: given its value, the stores that the conformance suite runs on. Each test leaves what it has written.
    """

    variable: str
    kinds: Callable[[str], Tuple[StoreKind, ...]]

    def find_kinds(self, environment: Optional[Mapping[str, str]] = None) -> Tuple[StoreKind, ...]:
        """Return the stores, if the environment names them; by default that of this process."""
        named = (os.environ if environment is None else environment).get(self.variable)
        return self.kinds(named) if named else ()


@dataclass(frozen=True)
class Harness:
    """One backend.

    Attributes:
        backend: its name in the registry.
        kinds: the stores that the conformance suite runs on.
        readers: of a backend that only reads, the stores that the suite of readers runs on.
        elsewhere: the service itself, or other servers, that an account or a variable gives. None: there is nothing but what is started.
        offline: options of a store that works without a server. None: no store does.
        unreachable: options of a store on a server where nothing listens, with this secret in its login. None: it has no server.
        mistake: options with one mistake, and the option that the error names. It is found before any network is used.
        address: the option that says where the server is.
        speaks_http: its requests are HTTP/1.1, so `tests.servers.front` can be put before the server.
        front: puts what `tests.servers.front` is for HTTP before the server, and returns it with the options of a store that lead there.
            None: that one does, if `speaks_http`.
        watched: stores that the canary plays run on, by a word for people.
        example: prepares a page or an example with this text, if it is about this backend. Takes a directory for files.
        lookups: for the bench of whole runs: given names of secrets, this collection's lookup and others' on one server.
        storms: for the bench, by what the server answers: given a directory, and how many reads it refuses, a server that does so.
        is_challenged: the first request to an address is answered with a challenge, and TLS is required, so no front counts requests.
        throttled: labels of kinds whose server throttles while the conformance suite runs once more, with the long profile.
        choices: what users choose between, for the page that compares the backends.
    """

    backend: str
    kinds: Tuple[StoreKind, ...]
    readers: Tuple[ReaderKind, ...] = ()
    elsewhere: Optional[Elsewhere] = None
    offline: Optional[Callable[[Path], Options]] = None
    unreachable: Optional[Callable[[str], Options]] = None
    mistake: Optional[Tuple[Options, str]] = None
    address: str = "url"
    speaks_http: bool = True
    front: Optional[Callable[[], ContextManager[Tuple[Any, Options]]]] = None
    watched: Mapping[str, Callable[[Path], Watched]] = field(default_factory=dict)
    example: Optional[Callable[[str, Path], Optional[Example]]] = None
    lookups: Optional[Callable[[Sequence[str]], ContextManager[List[Any]]]] = None
    storms: Mapping[str, Callable[[Path, int], ContextManager[Storm]]] = field(default_factory=dict)
    is_challenged: bool = False
    throttled: Tuple[str, ...] = ()
    choices: Tuple[Choice, ...] = ()

    def openable(self, directory: Path) -> Dict[str, Any]:
        """Return a store that can be opened without a server, whether or not it can be used then."""
        assert self.offline or self.unreachable
        options = self.offline(directory) if self.offline else {**self.unreachable("secret"), "max_retries": 0}
        return {"backend": self.backend, "audit": "off", **options}
