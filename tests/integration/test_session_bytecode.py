# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session's bytecode lies in the user's cache, and nowhere else."""

from __future__ import annotations

import stat
import sys
from importlib import _bootstrap_external
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import bytecode

PARTS = "ansible_collections/nebula/credential"
SERVING = "plugins/plugin_utils/session/server/event_loop.py"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def begun(run_of, cache, may_write=True):
    """A run whose session has begun."""
    run = run_of(XDG_CACHE_HOME=str(cache))
    found = run.itself(*(["with_bytecode"] if may_write else []), "perform", "find")
    assert found["error"] is None
    return run


def kept(cache, source=SERVING):
    return list(cache.glob("nebula.credential/bytecode-*/" + cache_from_source(source)))


def test_it_is_kept_in_a_directory_of_the_users_own(run_of, cache, collection_root):
    begun(run_of, cache)
    (found,) = kept(cache)
    assert stat.S_IMODE((cache / "nebula.credential").stat().st_mode) == 0o700
    beside = Path(cache_from_source(str(Path(collection_root, PARTS, SERVING))))
    assert not beside.exists() or beside.stat().st_mtime < found.stat().st_mtime


def test_the_next_session_loads_what_is_kept(run_of, cache, collection_root, tmp_path):
    """Shown with code that no source has."""
    begun(run_of, cache).end()
    (found,) = kept(cache)
    source = Path(collection_root, PARTS, SERVING)
    text = source.read_text() + "\nopen({0!r}, 'w').close()\n".format(str(tmp_path / "loaded"))
    state = source.stat()
    code = compile(text, str(source), "exec", dont_inherit=True)
    found.write_bytes(_bootstrap_external._code_to_timestamp_pyc(code, int(state.st_mtime), state.st_size))
    begun(run_of, cache)
    assert (tmp_path / "loaded").exists()


def test_what_others_may_write_to_is_not_used(run_of, cache):
    (cache / "nebula.credential").mkdir(parents=True)
    (cache / "nebula.credential").chmod(0o777)
    begun(run_of, cache)
    assert kept(cache) == []


def test_a_run_that_may_write_none_writes_none(run_of, cache):
    """As PYTHONDONTWRITEBYTECODE says."""
    begun(run_of, cache, may_write=False)
    assert not cache.exists()


def test_a_cache_that_cannot_be_made_is_done_without(run_of, tmp_path):
    (tmp_path / "cache").write_text("no directory")
    begun(run_of, tmp_path / "cache")


def test_installations_whose_files_differ_share_nothing(tmp_path):
    """An image may give all files one time, so that importlib takes one version's bytecode for another's of the same length."""
    states = []
    for checksum in ("one", "two"):
        (tmp_path / "FILES.json").write_text('{"checksum": "' + checksum + '"}')
        states.append(bytecode._state(str(tmp_path)))
    assert len(set(states)) == 2


def test_a_cache_that_is_no_whole_path_is_none(tmp_path, monkeypatch):
    """XDG Base Directory Specification. Nothing is made in whatever directory the run was started in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert bytecode._cache(str(tmp_path)) is None
    assert not (tmp_path / "cache").exists()
