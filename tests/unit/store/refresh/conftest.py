# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test has a world of its own, with the types of the tests in the registry."""

from __future__ import annotations

import pytest

from tests.unit.store.refresh import refreshing


@pytest.fixture(autouse=True)
def types(monkeypatch):
    refreshing.register(monkeypatch)


@pytest.fixture
def world():
    with refreshing.world() as made:
        yield made


@pytest.fixture
def reusing():
    """A world whose service keeps accepting a refresh token."""
    with refreshing.world(rotates=False) as made:
        yield made
