# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A `~` that cannot be resolved is never a path of the current directory."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home, find_in_home, resolve_path
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import CHECKOUT
from tests.other_user import STRANGER, call_as_stranger


def as_stranger(work, **environment):
    """Call `work` as a user without a passwd entry, with exactly these variables. Return what it returns, or its error's message."""
    return call_as_stranger(work, environment=environment).text


NAMED = ("HOME", "XDG_CONFIG_HOME", "user id {0}".format(STRANGER))


def test_a_user_without_a_home_gets_one_error_that_names_the_variables():
    for path in ("~", "~/x"):
        text = as_stranger(lambda path=path: expand_home(path, "path"))
        assert all(word in text for word in NAMED)
        assert "option 'path'" in text


@pytest.mark.parametrize("home", ["", ".", "relative/home"])
def test_a_home_that_is_no_whole_path_is_none(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    assert find_in_home("~/x") is None
    with pytest.raises(InvalidConfiguration, match="XDG_CONFIG_HOME"):
        open_store({"backend": "local"}, name="t", warn=print)


def test_the_home_of_a_user_who_does_not_exist_is_refused_by_name():
    with pytest.raises(InvalidConfiguration, match="user 'no-such-user-here' has no home directory"):
        expand_home("~no-such-user-here/x")


def test_a_home_is_resolved(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere/")
    assert expand_home("~/x") == "/somewhere/x"
    assert expand_home("plain/~x") == "plain/~x"
    assert find_in_home("~/x", {"HOME": "/elsewhere"}) == "/elsewhere/x"
    monkeypatch.setenv("HOME", "/")
    assert (expand_home("~"), expand_home("~/x")) == ("/", "/x")


def test_a_variable_that_is_not_set_is_no_directory_of_that_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(InvalidConfiguration, match=r"option 'path'.*is not set"):
        open_store({"backend": "local", "path": "$NOT_SET/credentials"}, name="t", warn=print)
    assert resolve_path("$HOME/x", "path") == os.environ["HOME"] + "/x"
    assert list(tmp_path.iterdir()) == []


def test_keys_need_a_home_only_without_xdg_config_home():
    assert as_stranger(keys_directory, XDG_CONFIG_HOME="/conf") == "/conf/nebula/keys"
    assert "XDG_CONFIG_HOME" in as_stranger(keys_directory)
    assert "XDG_CONFIG_HOME" in as_stranger(keys_directory, XDG_CONFIG_HOME="relative")


def test_no_other_file_resolves_a_home():
    """Python's own ways return a relative path, or raise an error that names nothing."""
    found = []
    for path in sorted((CHECKOUT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_home = isinstance(node, ast.Attribute) and node.attr in ("expanduser", "home")
            if is_home:
                found.append(str(path.relative_to(CHECKOUT / "plugins")))
    # The first two check that the result is a whole path. A lookup that hits loads no other file of the collection.
    allowed = {"lookup/get.py", "plugin_utils/session/endpoint.py", "plugin_utils/session/server/bytecode.py"}
    assert set(found) == {*allowed, "module_utils/filesystem/home.py"}


def test_a_stranger_leaves_nothing_in_the_current_directory(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent != Path("/") and parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    monkeypatch.chdir(tmp_path)
    text = as_stranger(lambda: open_store({"backend": "local"}, name="t", warn=print))
    assert "XDG_CONFIG_HOME" in text
    assert list(tmp_path.iterdir()) == []
