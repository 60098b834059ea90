# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test of the suite has a home of its own: keys and marks of a store are in the home."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home_of_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the home of the person who runs the suite alone."""
    directory = tmp_path.with_name(tmp_path.name + "-home")
    directory.mkdir(mode=0o700)
    for variable, place in (("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_STATE_HOME", ".state"), ("XDG_CACHE_HOME", ".cache")):
        monkeypatch.setenv(variable, str(directory / place))
