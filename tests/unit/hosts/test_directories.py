# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a file is opened part by part, and no link of another user leads elsewhere."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InsecurePermissions, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.hosts.directories import open_directory

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link another user's")


def list_below(path):
    with open_directory(str(path)) as directory:
        return sorted(os.listdir(directory))


def test_a_link_of_the_tasks_user_is_followed(tmp_path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "inner" / "here").touch()
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "relative").symlink_to("absolute/../real")
    assert list_below(tmp_path / "relative" / "inner" / "file") == ["here"]


@only_root
def test_a_link_of_another_user_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    os.chown(link, 12345, 12345, follow_symlinks=False)
    with pytest.raises(InsecurePermissions, match=r"'link' in the path .* is a symbolic link of the user 12345"):
        list_below(link / "file")


def test_a_directory_that_is_replaced_meanwhile_changes_nothing(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with open_directory(str(place / "file")) as directory:
        place.rename(tmp_path / "moved")
        place.symlink_to("/")
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory))
    assert (tmp_path / "moved" / "file").exists()


def test_a_directory_that_everyone_can_change_is_refused_unless_it_is_sticky(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(InsecurePermissions, match="can be changed by everyone"):
        list_below(place / "file")
    place.chmod(0o1777)
    assert list_below(place / "file") == []


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")
    for path, kind, says in (
        (tmp_path / "none" / "x", NotFound, "'none' in the path .* does not exist"),
        (tmp_path / "file" / "x", InvalidInput, "'file' in the path .* is no directory"),
        (tmp_path / "round" / "x", InvalidInput, "too many symbolic links"),
    ):
        with pytest.raises(kind, match=says):
            list_below(path)
