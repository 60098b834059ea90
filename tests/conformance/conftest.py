# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every test of the suite gets each backend in turn."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend

from .kinds import KINDS
from .store_kind import StoreKind

Open = Callable[[], Backend]

NEED_THE_REPOSITORY = ["test_batches.py", "test_refreshes.py"]
"""They use servers and tools of the collection's other tests."""

OF_READERS = "test_readers"
"""Its tests are about other kinds, which a variable of their own names."""

collect_ignore = [] if find_spec("tests") and find_spec("tests.servers") else list(NEED_THE_REPOSITORY)
collect_ignore += [] if os.environ.get("NEBULA_CONFORMANCE_READERS") else [OF_READERS + ".py"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the suite."""
    config.addinivalue_line("markers", "backends: the kinds of store that a test of the suite is about, as a predicate")
    config.addinivalue_line("markers", "readers: what a kind of store that is only read has, for a test that is about it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test every backend it is about: all, or those that outlive their process where it opens a store again."""
    if "kind" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] != OF_READERS:
        kinds = [each for each in KINDS if each.persistent or "open_again" not in metafunc.fixturenames]
        for marker in metafunc.definition.iter_markers("backends"):
            kinds = [each for each in kinds if marker.args[0](each)]
        metafunc.parametrize("kind", kinds, ids=lambda each: each.label)


@pytest.fixture(autouse=True)
def home_of_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the home of the person who runs the suite alone: keys and marks of a store are in one of the test's own."""
    directory = tmp_path.with_name(tmp_path.name + "-home")
    directory.mkdir(mode=0o700)
    for variable, place in (("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_STATE_HOME", ".state"), ("XDG_CACHE_HOME", ".cache")):
        monkeypatch.setenv(variable, str(directory / place))


@pytest.fixture
def open_again(kind: StoreKind, tmp_path: Path) -> Open:
    """Open the test's store once more, as another process would."""
    return lambda: kind.open(tmp_path)


@pytest.fixture
def backend(kind: StoreKind, tmp_path: Path) -> Iterator[Backend]:
    """A new, empty store."""
    opened = kind.open(tmp_path)
    yield opened
    opened.close()
