# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run says of the collection: on its command line, and in the files that ansible-core reads."""

from __future__ import annotations

import os

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader

from ansible_collections.nebula.credential.plugins.plugin_utils.session.mentions import Mentions

USED = "note: see nebula.credential\n"
OTHER = "note: see nebula_credential\n"


@pytest.fixture
def loader(tmp_path):
    """The loader of a run in this directory."""
    found = DataLoader()
    found.set_basedir(str(tmp_path))
    return found


@pytest.fixture
def arguments(monkeypatch):
    """Sets the arguments of a run."""
    return lambda **given: monkeypatch.setattr(context, "CLIARGS", ImmutableDict(given))


def test_a_file_is_found_once_it_is_read(loader, tmp_path):
    (tmp_path / "one.yml").write_text(OTHER)
    (tmp_path / "two.yml").write_text(USED)
    mentions = Mentions(loader)
    loader.load_from_file("one.yml")
    assert not mentions.are_in_files()
    loader.load_from_file("two.yml")
    assert mentions.are_in_files()


def test_no_file_is_searched_twice(loader, tmp_path):
    """A run of thousands of tasks looks before each."""
    (tmp_path / "one.yml").write_text(OTHER)
    loader.load_from_file("one.yml")
    mentions = Mentions(loader)
    assert not mentions.are_in_files()
    (tmp_path / "one.yml").write_text(USED)
    assert not mentions.are_in_files("one.yml")


@pytest.mark.parametrize("names", [["two.yml"], [["missing.yml", "two.yml"]], ["{{ where }}.yml", "two.yml"]])
def test_the_variable_files_of_a_play_are_searched_too(loader, tmp_path, names):
    (tmp_path / "two.yml").write_text(USED)
    assert Mentions(loader).are_in_files(names)
    assert not Mentions(loader).are_in_files([])


def test_neither_a_pipe_nor_a_directory_is_read(loader, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    assert not Mentions(loader).are_in_files(["pipe", "directory"])


def test_where_the_loader_does_not_say_what_it_has_read_the_collection_may_be_used():
    assert Mentions(object()).are_in_files()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, False),
        ({"inventory": ("hosts.yml", "a,b"), "verbosity": 3, "tags": ["all"]}, False),
        ({"extra_vars": ("note=nebula.credential",)}, True),
        ({"module_name": "nebula.credential.cache"}, True),
    ],
)
def test_an_argument_may_name_it(loader, arguments, given, found):
    arguments(**given)
    assert Mentions(loader).are_on_command_line() == found


def test_an_inventory_is_searched_as_a_file_or_a_directory(loader, arguments, tmp_path):
    (tmp_path / "hosts.yml").write_text(USED)
    for source in (tmp_path, tmp_path / "hosts.yml"):
        arguments(inventory=(str(source),))
        assert Mentions(loader).are_on_command_line()
