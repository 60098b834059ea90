# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the scan share."""

from __future__ import annotations

import pytest

from tests.unit.scanning.scanned import Scanned


@pytest.fixture
def scanned(tmp_path):
    """A store and a tree, closed at the end."""
    made = Scanned(tmp_path)
    yield made
    made.manager.close()
