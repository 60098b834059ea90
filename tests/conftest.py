# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test stands on: the checkout as a collection, a home of its own, a database server.

NEBULA_TEST_PROFILE is `fast` (the default; what `make test` uses) or `long`.
"""

from __future__ import annotations

import atexit
import itertools
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import List

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.servers import once
from tests.servers.reporting import pytest_sessionfinish, pytest_terminal_summary, pytest_testnodedown

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]  # hooks, which pytest looks for here

CHECKOUT = Path(__file__).resolve().parents[1]
PROFILE = os.environ.get("NEBULA_TEST_PROFILE", "fast")


def _collection_root() -> Path:
    """The directory above `ansible_collections` through which this checkout is imported, made where there is none."""
    within = Path("ansible_collections", "nebula", "credential")
    for entry in sys.path:
        if (Path(entry) / within).resolve() == CHECKOUT:
            return Path(entry)
    root = CHECKOUT / ".cache" / "collections"
    link = root / within
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(CHECKOUT)
    except FileExistsError:
        pass  # Another worker, or an earlier run, made it.
    sys.path.insert(0, str(root))
    return root


COLLECTION_ROOT = _collection_root()
os.environ.setdefault("NEBULA_CONFORMANCE_KINDS", "tests.backends.discovery:CONFORMING")
os.environ.setdefault("NEBULA_CONFORMANCE_READERS", "tests.backends.discovery:READERS")
os.environ.setdefault("NEBULA_CONFORMANCE_TYPES", "tests.unit.types.samples:SAMPLES")
os.environ.setdefault("NEBULA_CONFORMANCE_TARGETS", "tests.targets.discovery:SERVICES")
_DATABASE = DirectoryBasedExampleDatabase(CHECKOUT / ".cache" / "hypothesis")
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("fast", max_examples=60, derandomize=True, database=None, **_PATIENT)
hypothesis.settings.register_profile("long", max_examples=2000, database=_DATABASE, **_PATIENT)
hypothesis.settings.load_profile(PROFILE)


COVERING = ("backends", "config", "crypto", "encoding", "layers/encryption", "model", "store", "house/test_comparison_page.py")
"""The unit tests during which coverage is measured, if it is: those of the files that must be covered. Elsewhere it would take half
as long again."""


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave what only the long profile has out of the others, and the tests of other files out of the measurement of coverage."""
    if PROFILE != "long":
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    covering = tuple("tests/unit/" + each for each in COVERING)
    for item in items:
        if not item.nodeid.startswith(covering):
            item.add_marker("no_cover")


def _move_home(directory: Path, environment: pytest.MonkeyPatch) -> None:
    # Settings of the person who runs the tests must not decide what they say.
    from tests.backends.environment import PREFIXES

    for name in list(os.environ):
        if name.startswith(("ANSIBLE_", "NEBULA_CREDENTIAL", "XDG_", *PREFIXES)):
            environment.delenv(name)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment.setenv("HOME", str(directory))
    environment.setenv("XDG_CONFIG_HOME", str(directory / ".config"))
    environment.setenv("XDG_STATE_HOME", str(directory / ".local" / "state"))
    environment.setenv("XDG_CACHE_HOME", str(directory / ".cache"))
    environment.setenv("ANSIBLE_COLLECTIONS_PATH", str(COLLECTION_ROOT))
    environment.setenv("PYTHONDONTWRITEBYTECODE", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Leave the real home alone from the first moment, also for what wider fixtures do."""
    directory = Path(tempfile.mkdtemp(prefix="nebula-home-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    _move_home(directory, pytest.MonkeyPatch())


@pytest.fixture(scope="session")
def numbered_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths in one directory, each with a number of its own. What pytest numbers costs a look at all that was made before."""
    root = tmp_path_factory.mktemp("t", numbered=False)
    return (root / str(number) for number in itertools.count())


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, numbered_paths: Iterator[Path]) -> Path:
    """An empty directory for each test that asks for one, named for it."""
    number = next(numbered_paths)
    directory = number.with_name("{0}-{1}".format(re.sub(r"\W", "_", request.node.name)[:24], number.name))
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture(autouse=True)
def home(numbered_paths: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for each test, named by HOME and the XDG variables."""
    directory = next(numbered_paths)
    _move_home(directory, monkeypatch)
    return directory


@pytest.fixture(scope="session")
def collection_root() -> Path:
    """What ANSIBLE_COLLECTIONS_PATH has to name for this checkout to be found."""
    return COLLECTION_ROOT


@pytest.fixture(scope="session")
def postgresql() -> object:
    """A running PostgreSQL (tests.servers.postgresql.Server), one for a worker."""
    return once.postgresql()


@pytest.fixture(scope="session")
def mariadb() -> object:
    """A running MariaDB (tests.servers.mariadb.Server), one for a worker."""
    return once.mariadb()


@pytest.fixture(scope="session")
def valkey() -> object:
    """A running Valkey (tests.servers.valkey.Server), one for a worker."""
    return once.valkey()


def cannot_run(reason: str) -> None:
    """Fail in CI; elsewhere skip, loudly."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory of this user's whose path is short enough for a socket below it."""
    with tempfile.TemporaryDirectory(prefix="nb-", dir="/tmp") as made:
        yield Path(made)
