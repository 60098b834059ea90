# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What unit tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_session(home, monkeypatch):
    """Lookups that are called in the process of the tests start no session, which would stay as long as the tests do."""
    monkeypatch.setenv("NEBULA_CREDENTIAL_SESSION", "false")
