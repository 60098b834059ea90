# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What integration tests share."""

from __future__ import annotations

import importlib.util
import py_compile
from contextlib import ExitStack

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import bytecode
from tests.conftest import CHECKOUT
from tests.integration.ansible_run import Project
from tests.integration.counted import Counted
from tests.integration.session_runs import running
from tests.servers import databases

# Masking is ansible-core's since 2.22: on an older one there is nothing to be tried.
collect_ignore = [] if importlib.util.find_spec("ansible.module_utils.secrets") else ["test_session_masking.py"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory, collection_root):
    """The bytecode that a session keeps of the collection: to compile all of it takes half of a session's start."""
    collection = collection_root / "ansible_collections" / "nebula" / "credential"
    kept = tmp_path_factory.mktemp("compiled") / ("bytecode-" + bytecode._state(str(collection)))
    for part in ("lookup", "module_utils", "plugin_utils"):
        for source in (CHECKOUT / "plugins" / part).rglob("*.py"):
            name = source.relative_to(CHECKOUT)
            py_compile.compile(str(source), str(kept / importlib.util.cache_from_source(str(name))), str(collection / name), doraise=True)
    return kept


@pytest.fixture
def project(tmp_path, home, compiled):
    """An empty directory to run Ansible in, with a home in which there is no more than the bytecode of earlier runs."""
    directory = tmp_path / "project"
    directory.mkdir()
    cache = home / ".cache" / "nebula.credential"
    cache.mkdir(mode=0o700, parents=True)
    (cache / compiled.name).symlink_to(compiled)
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
