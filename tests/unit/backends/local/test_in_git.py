# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local store in a git repository: what a clone, a read, a merge and a checkout do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InsecurePermissions, RolledBack
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

PERSON = ("-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "init.defaultBranch=main", "-c", "merge.renames=false")


class Clone:
    """The working tree of one person, with a store in it, whose key all have."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.store = place / "secrets"
        self.key = place.parent / "key"

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Call git in the tree."""
        return subprocess.run(["git", *PERSON, *arguments], cwd=self.place, capture_output=True, text=True, check=check, umask=0o022)

    def open(self, **options: Any) -> Any:
        """Open the store, with the marks of this person."""
        os.environ["XDG_CONFIG_HOME"] = "{0}-config".format(self.place)
        sources = [{"source": "key_file", "path": str(self.key)}]
        return open_store({"backend": "local", "path": str(self.store), "key_sources": sources, **options})

    def write(self, name: str, value: str) -> None:
        """Write a value, and commit it."""
        manager = self.open()
        manager.ensure(DesiredCredential(name, value=Secret(value)))
        manager.close()
        self.git("add", "-A")
        self.git("commit", "-qm", "write")

    def read(self, name: str) -> bytes:
        """Read a value."""
        manager = self.open()
        try:
            return bytes(manager.get(name, context=NOBODY).token().expose())
        finally:
            manager.close()

    def clone(self, name: str) -> Clone:
        """Clone it, with the modes of a common umask."""
        self.git("clone", "-q", str(self.place), str(self.place.parent / name))
        return Clone(self.place.parent / name)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A repository with a store of two credentials."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = tmp_path / "first"
    place.mkdir()
    clone = Clone(place)
    clone.git("init", "-q")
    clone.write("a", "one")
    clone.write("b", "two")
    return clone


def test_reads_and_locks_leave_the_tree_as_it_is(first: Clone) -> None:
    assert first.read("a") == b"one"
    manager = first.open()
    assert len(list(manager.list(context=NOBODY))) == 2
    manager.ensure(DesiredCredential("a", value=Secret("one")))
    manager.close()
    assert first.git("status", "--porcelain").stdout == ""
    tracked = first.git("ls-files").stdout.split()
    assert sorted(tracked) == ["secrets/.nebula/metadata.json", "secrets/a.enc", "secrets/b.enc"]


def test_each_clone_has_a_trail_of_its_own_that_can_be_checked(first: Clone) -> None:
    other = first.clone("other")
    for clone in (first, other, first):
        clone.read("a")
    for clone, reads in ((first, 2), (other, 1)):
        (trail,) = (clone.place / ".git" / "nebula").glob("*/audit.jsonl")
        entries = [json.loads(line) for line in trail.read_text().splitlines()]
        assert sum((entry["action"], entry["result"], entry["name"]) == ("read", "ok", "a") for entry in entries) == reads
        manager = clone.open()
        assert manager.trail.verify() == []
        manager.close()


def test_what_the_umask_of_a_clone_made_is_mended(first: Clone) -> None:
    other = first.clone("other")
    assert other.store.stat().st_mode & 0o777 == 0o755
    assert other.read("a") == b"one"
    assert other.store.stat().st_mode & 0o777 == 0o700
    assert other.git("status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("mode", "options"), [(0o777, {}), (0o755, {"format": "json", "encrypt": False, "allow_plaintext": True, "key_sources": None})]
)
def test_what_others_may_have_changed_or_read_is_refused(first: Clone, mode: int, options: dict[str, Any]) -> None:
    other = first.clone("other")
    other.store.chmod(mode)
    with pytest.raises(InsecurePermissions):
        other.open(**options)
    assert other.store.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("mode", "owner", "group"), [(0o777, None, None), (0o770, None, 65534), pytest.param(0o777, 65534, 65534, id="of another user")]
)
def test_a_directory_of_git_that_others_may_write_gets_neither_locks_nor_a_trail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, owner: int | None, group: int | None
) -> None:
    """As anyone can make one in /tmp, above the directory of somebody else's store."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    planted = tmp_path / ".git"
    planted.mkdir()
    (planted / "HEAD").write_text("ref: refs/heads/main\n")
    if (owner, group) != (None, None):
        if os.geteuid() != 0:
            pytest.skip("only root can give a directory to others")
        os.chown(planted, -1 if owner is None else owner, -1 if group is None else group)
    planted.chmod(mode)
    store = Clone(tmp_path / "mine")
    manager = store.open()
    manager.ensure(DesiredCredential("a", value=Secret("one")))
    manager.close()
    assert sorted(os.listdir(planted)) == ["HEAD"]
    assert (store.store / ".nebula" / "audit.jsonl").exists()
    assert (store.store / ".nebula" / "locks").is_dir()


def test_a_directory_outside_of_git_is_still_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    plain = Clone(tmp_path / "plain")
    plain.store.mkdir(parents=True)
    plain.store.chmod(0o755)
    with pytest.raises(InsecurePermissions):
        plain.open()


def test_different_names_merge_and_the_same_name_conflicts(first: Clone) -> None:
    other = first.clone("other")
    other.write("b", "three")
    other.write("new/one", "four")
    first.write("a", "five")
    first.write("another", "six")
    other.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    found = {name: other.read(name) for name in ("a", "b", "new/one", "another")}
    assert found == {"a": b"five", "b": b"three", "new/one": b"four", "another": b"six"}
    first.write("a", "here")
    other.write("a", "there")
    failed = other.git("pull", "--no-rebase", "--no-edit", "origin", "main", check=False)
    assert failed.returncode != 0
    assert other.git("diff", "--name-only", "--diff-filter=U").stdout.split() == ["secrets/a.enc"]
    other.git("checkout", "--theirs", "secrets/a.enc")
    other.git("add", "-A")
    other.git("commit", "-qm", "merge")
    assert other.read("a") == b"here"


def test_a_checkout_of_an_older_commit_is_explained(first: Clone) -> None:
    first.write("a", "newer")
    assert first.read("a") == b"newer"
    first.git("checkout", "-q", "HEAD~1")
    with pytest.raises(RolledBack) as caught:
        first.read("a")
    assert "the git working tree {0}".format(first.place) in str(caught.value)
    assert "pull and merge" in str(caught.value)
    first.git("checkout", "-q", "main")
    assert first.read("a") == b"newer"


def test_a_linked_working_tree_has_its_own_state(first: Clone) -> None:
    first.git("worktree", "add", "-q", str(first.place.parent / "linked"))
    linked = Clone(first.place.parent / "linked")
    assert linked.read("a") == b"one"
    assert linked.git("status", "--porcelain").stdout == ""
    assert list((first.place / ".git" / "worktrees" / "linked" / "nebula").glob("*/audit.jsonl"))


def test_two_writers_of_a_clone_exclude_each_other(first: Clone) -> None:
    one, two = first.open(), first.open()
    version = one.get("a", context=NOBODY).version
    one.ensurer().ensure_present(DesiredCredential("a", value=Secret("first")), False, version)
    with pytest.raises(Conflict):
        two.ensurer().ensure_present(DesiredCredential("a", value=Secret("second")), False, version)
    one.close()
    two.close()
    assert os.listdir(next((first.place / ".git" / "nebula").iterdir()) / "locks")


def test_a_difference_is_shown_by_textconv_without_a_value(first: Clone, collection_root: Path) -> None:
    import sys

    command = "{0} -m ansible_collections.nebula.credential.plugins.plugin_utils.command textconv".format(sys.executable)
    (first.place / ".gitattributes").write_text("*.enc diff=nebula\n")
    first.write("a", "of-the-difference")
    shown = subprocess.run(
        ["git", "-c", "diff.nebula.textconv=" + command, "diff", "HEAD~1", "--", "secrets/a.enc"],
        cwd=first.place,
        env={**os.environ, "PYTHONPATH": str(collection_root)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "-version: 1\n" in shown
    assert "+version: 2\n" in shown
    assert shown.count("value: encrypted, ") == 2
    assert "of-the-difference" not in shown
    assert json.dumps("one") not in shown
