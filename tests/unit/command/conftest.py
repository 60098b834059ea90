# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the command share."""

from __future__ import annotations

import pytest

from tests.unit.command.commands import Typed


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path) -> Typed:
    """The command, in an empty directory and with an empty home."""
    monkeypatch.chdir(tmp_path)
    return Typed(capfd, monkeypatch)
