# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The originals of files that lookups are written into: those of every run are kept, whoever else writes meanwhile."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.plugin_utils.action.replaced_files import (
    Original,
    digest,
    read_originals,
    replace_file,
    write_originals,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vault_adoption import Replacement

NAME = "adopted/originals"
ONE, TWO = Original(b"one", digest(b"1")), Original(b"two", digest(b"2"))


@pytest.fixture
def keeping(target):
    """Builds what keeps originals; `meanwhile` is called once, after the first request of an operation."""

    def build(operation=None, meanwhile=None):
        waiting = [meanwhile]

        def ask(wanted, parameters):
            try:
                return perform(target.manager, wanted, parameters, NOBODY)
            finally:
                if wanted == operation and waiting:
                    waiting.pop()()

        return Replacement(ask, {"originals": NAME}, False)

    return build


@pytest.mark.parametrize("operation", ["get", "adopt"])
def test_the_first_two_runs_at_once_lose_no_original(operation, keeping):
    other = keeping()
    mine = keeping(operation, lambda: other._keep({"/two": TWO}))
    mine._keep({"/one": ONE})
    assert keeping()._read()[0] == {"/one": ONE, "/two": TWO}


def test_a_run_that_another_one_overtakes_changes_no_file(keeping):
    keeping()._keep({"/old": ONE})
    mine = keeping("get", lambda: keeping()._keep({"/two": TWO}))
    with pytest.raises(errors.Conflict) as caught:
        mine._keep({"/one": ONE})
    assert "No file was changed" in caught.value.remedy
    assert keeping()._read()[0] == {"/old": ONE, "/two": TWO}


@pytest.mark.parametrize("path", ["/project/vars/../../home/me/.profile", "vars/all.yml", "/project//vars", "/project/./vars", ""])
def test_a_path_that_leads_elsewhere_is_not_restored(path):
    with pytest.raises(errors.Damaged):
        read_originals(write_originals({path: ONE}))


@pytest.mark.parametrize("mode", [0o664, 0o600, 0o440])
def test_a_file_keeps_its_mode_and_its_owner(mode, tmp_path):
    path = tmp_path / "vars.yml"
    path.write_bytes(b"before")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 1234, 1234)
    there = path.stat()
    assert not replace_file(str(path), b"before", b"after", "replace")["failed"]
    assert path.read_bytes() == b"after"
    assert (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) == (there.st_mode, there.st_uid, there.st_gid)
