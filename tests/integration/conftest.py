# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What integration tests share."""

from __future__ import annotations

import pytest

from tests.integration.ansible_run import Project


@pytest.fixture
def project(tmp_path, home):
    """An empty directory to run Ansible in, with an empty home."""
    directory = tmp_path / "project"
    directory.mkdir()
    return Project(directory, home)
