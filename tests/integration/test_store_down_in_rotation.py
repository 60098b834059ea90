# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store goes down in mid-rotation and comes back: a stored value opens the service, and another run finishes the rotation.

The service is real (a program), the store is real, and what goes down is what the store needs: its server does not respond, its
directory is gone, or no file may be written. The fast profile tries one kind of store of each style at one call; the long one
tries every kind that can rotate, at every call.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from tests.backends.discovery import HARNESSES, KINDS
from tests.backends.harness import StoreKind
from tests.conftest import PROFILE
from tests.servers import proxy
from tests.target_suite.rotated import AUTO, SETTLE, Rotated, run_until_failure
from tests.targets.command import CommandServiceOfTwo

pytestmark = pytest.mark.server
COURSE = (AUTO, SETTLE)
MIDDLE = 24
"""A call between the sending of the new value and its promotion."""
ONCE = {"max_retries": 0, "breaker_failures": 0}
"""A store that is down stays down: a repeat within the call shows nothing more."""


class Down:
    """The store, and what takes it down and brings it back."""

    def __init__(self, options: dict[str, Any], begin: Callable[[], object], end: Callable[[], object]) -> None:
        self.options, self._begin, self._end = options, begin, end

    def call(self, act: Callable[[], Any]) -> Any:
        """Do a call of the store while it is down. Between the calls it is up: the test looks at it."""
        self._begin()
        try:
            return act()
        finally:
            self._end()


@contextmanager
def server_away(kind: StoreKind, directory: Path) -> Iterator[Down]:
    """The server refuses connections, and those that are open are closed."""
    options, place = dict(kind.options(directory)), HARNESSES[kind.backend].address
    server = urlsplit(options[place])
    with proxy.running(server.hostname, server.port) as between:
        options[place] = options[place].replace(":{0}".format(server.port), ":{0}".format(between.port))

        def switch(mode: Any) -> None:
            between.mode = mode

        yield Down(options, lambda: switch(proxy.REFUSE), lambda: switch(proxy.PASS))


@contextmanager
def directory_gone(kind: StoreKind, directory: Path) -> Iterator[Down]:
    """The directory has another name for a while."""
    options = dict(kind.options(directory))
    place = Path(options[str(read_traits(kind.backend).directory)])
    away = place.with_name("away")
    yield Down(options, lambda: place.exists() and place.rename(away), lambda: away.exists() and away.rename(place))


@contextmanager
def disk_full(kind: StoreKind, directory: Path) -> Iterator[Down]:
    """No file may be written: the limit of a file's size is 0 bytes. What is stored can be read."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield Down(
        dict(kind.options(directory)),
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1])),
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before),
    )


def list_ways(kind: StoreKind) -> list[Any]:
    if kind.server is not None:
        return [server_away]
    return [disk_full, directory_gone] if read_traits(kind.backend).directory else [disk_full]


def find_style(kind: StoreKind) -> str:
    if kind.server is None:
        return "files"
    return "objects" if issubclass(backend_class(kind.backend), ObjectBackend) else kind.backend


def list_cases() -> list[tuple[StoreKind, Any]]:
    kinds = [kind for kind in KINDS if kind.plays and (kind.many or kind.server)]
    if PROFILE == "long":
        kinds = [kind for kind in KINDS if kind.persistent]
    else:
        kinds = list({find_style(kind): kind for kind in reversed(kinds)}.values())
    return [(kind, way) for kind in kinds for way in list_ways(kind)]


@contextmanager
def rotating(kind: StoreKind, way: Any, directory: Path) -> Iterator[Rotated]:
    """A credential in a store of that kind that goes down, and its service."""
    directory.mkdir()
    with ExitStack() as ending:
        down = ending.enter_context(way(kind, directory / "store"))
        backend = kind.wrap(resilient(backend_class(kind.backend)(down.options, BackendContext("prod")), ONCE))
        backend.connect()
        ending.callback(backend.close)
        service = CommandServiceOfTwo(directory)
        service.start()
        ending.callback(service.stop)
        world = Rotated(service, directory, backend)

        world.store.fail = down.call
        yield world


def count_calls(kind: StoreKind, way: Any, directory: Path) -> int:
    with rotating(kind, way, directory) as world:
        run_until_failure(world, COURSE)
        return world.store.calls


@pytest.mark.parametrize(("kind", "way"), list_cases(), ids=lambda each: getattr(each, "label", getattr(each, "__name__", "")))
def test_a_store_that_goes_down_loses_nothing_and_another_run_finishes(kind: StoreKind, way: Any, tmp_path: Path) -> None:
    for at in range(1, count_calls(kind, way, tmp_path / "counted") + 1) if PROFILE == "long" else (MIDDLE,):
        with rotating(kind, way, tmp_path / str(at)) as world:
            world.store.fails_at = at
            ended = run_until_failure(world, COURSE)
            assert world.store.fired, at
            world.store.mend()
            world.check()
            world.finish()
            assert ended
