# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What integration tests share."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack

import pytest

from tests.integration.ansible_run import Project
from tests.integration.counted import Counted
from tests.integration.session_runs import running
from tests.servers import databases

# Masking is ansible-core's since 2.22: on an older one there is nothing to be tried.
collect_ignore = [] if importlib.util.find_spec("ansible.module_utils.secrets") else ["test_session_masking.py"]


@pytest.fixture
def project(tmp_path, home):
    """An empty directory to run Ansible in, with an empty home."""
    directory = tmp_path / "project"
    directory.mkdir()
    return Project(directory, home)


@pytest.fixture
def counted(project):
    """A store on a server that counts, the default of the project, with two secrets."""
    store = Counted()
    store.fill("a", "b")
    store.is_default_of(project)
    return store


@pytest.fixture
def prefix(tmp_path):
    """That of the tables of the test's own store in a database."""
    return databases.prefix(tmp_path)


@pytest.fixture
def run_of(collection_root):
    """Starts runs of the small controller; they are over when the test is."""
    with ExitStack() as runs:
        yield lambda **environment: runs.enter_context(running(collection_root, **environment))
