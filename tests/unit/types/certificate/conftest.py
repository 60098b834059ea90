# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in memory, and one that holds a certificate authority."""

from __future__ import annotations

import pytest

from tests.unit.types.certificate.certified import open_memory


@pytest.fixture
def store():
    with open_memory() as made:
        yield made


@pytest.fixture
def ca(store):
    store.ensure("ca", usages="ca")
    return store
