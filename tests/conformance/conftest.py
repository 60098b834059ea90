# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every test of the suite gets each backend in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider
from tests.conformance.backends import BACKENDS, Backend

Open = Callable[[], Provider]


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.label)
def backend(request: pytest.FixtureRequest) -> Backend:
    """The kind of store."""
    return request.param


@pytest.fixture
def open_again(backend: Backend, tmp_path: Path, provider: Provider) -> Open:
    """Open the test's store once more, as another process would. Backends that end with their process skip the test."""
    if not provider.capabilities.persistent:
        pytest.skip("this backend ends with its process")
    return lambda: backend.open(tmp_path)


@pytest.fixture
def provider(backend: Backend, tmp_path: Path) -> Iterator[Provider]:
    """A new, empty store."""
    opened = backend.open(tmp_path)
    yield opened
    opened.close()
