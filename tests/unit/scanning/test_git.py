# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scans of repositories: their history, and what is staged."""

from __future__ import annotations

import gzip
import os
import subprocess

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.scanning import git
from tests.unit.scanning.scanned import CURRENT, places, reasons


@pytest.fixture
def repository(scanned):
    """The tree as a repository with one commit."""
    scanned.git("init", "--quiet", "--initial-branch=main")
    scanned.put("README", "nothing\n")
    commit(scanned, "Begin")
    return scanned


def commit(scanned, message):
    scanned.git("add", "--all")
    scanned.git("commit", "--quiet", "--allow-empty", "--message", message)


def found_in_history(scanned, **parameters):
    rows = scanned.scan(git=True, **parameters)["findings"]
    return sorted((row["path"], row["line"]) for row in rows if row["object"] is not None)


def test_a_value_that_was_removed_again_is_found_in_the_history(repository):
    path = repository.put("conf/app.ini", "[db]\npassword = {0}\n".format(CURRENT))
    commit(repository, "Add it")
    blob = repository.git("rev-parse", "HEAD:conf/app.ini")
    path.unlink()
    commit(repository, "Remove it")
    assert repository.scan()["findings"] == []
    (row,) = repository.scan(git=True)["findings"]
    assert (row["path"], row["line"], row["object"], row["name"]) == ("conf/app.ini", 2, blob, "db")


def test_branches_tags_stashes_messages_and_amended_commits_are_searched(repository):
    repository.git("checkout", "--quiet", "-b", "other")
    repository.put("of-a-branch", CURRENT)
    commit(repository, "Other")
    repository.git("checkout", "--quiet", "main")
    repository.put("of-a-tag", CURRENT + "\n2")
    commit(repository, "Tagged")
    repository.git("tag", "--annotate", "v1", "--message", "with {0}".format(CURRENT))
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    repository.put("README", CURRENT + "\n3")
    repository.git("stash", "--quiet")
    repository.put("amended", CURRENT + "\n4")
    commit(repository, "Amended")
    (repository.tree / "amended").unlink()
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "The password is {0}".format(CURRENT))
    paths = [path for path, _line in found_in_history(repository)]
    assert paths == ["", "", "README", "amended", "of-a-branch", "of-a-tag"]


def test_packed_binary_and_compressed_blobs_are_searched(repository):
    repository.put("large.log", "line\n" * 200_000 + CURRENT)
    repository.put("binary", b"\0" + CURRENT.encode())
    repository.put("old.gz", gzip.compress(b"\n\n" + CURRENT.encode()))
    repository.put("empty", b"")
    commit(repository, "Add them")
    repository.git("gc", "--quiet")
    rows = repository.scan(git=True)["findings"]
    assert {(row["path"], row["line"]) for row in rows if row["object"]} == {("binary", None), ("large.log", 200_001), ("old.gz", 3)}


def test_the_objects_of_a_repository_are_skipped_and_its_other_files_are_not(repository):
    repository.git("remote", "add", "origin", "https://user:{0}@git.example.com/a.git".format(CURRENT))
    result = repository.scan()
    assert [name for name, _line in places(result)] == ["config"]
    assert "git: true" in reasons(result)["objects"]


def test_objects_that_are_searched_are_not_skipped_and_those_of_another_repository_are(repository):
    inner = repository.tree / "inner"
    subprocess.run(["git", "init", "--quiet", str(inner)], check=True, capture_output=True)
    for paths in ((), (repository.tree / ".git",)):
        skipped = [row["path"] for row in repository.scan(*paths, git=True)["not_searched"]]
        assert skipped == ([] if paths else [str(inner / ".git/objects")])
    assert repository.scan(repository.tree, inner, git=True)["not_searched"] == []


def test_of_a_shallow_clone_it_is_said_that_the_rest_is_missing(repository, tmp_path):
    commit(repository, "Another")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", "file://{0}".format(repository.tree), str(clone)], check=True, capture_output=True
    )
    assert "shallow" in reasons(repository.scan(clone, git=True))["clone"]


def test_a_bare_repository_is_searched(repository, tmp_path):
    repository.put("a", CURRENT)
    commit(repository, "Add it")
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(repository.tree), str(bare)], check=True, capture_output=True)
    assert [row["path"] for row in repository.scan(bare, git=True)["findings"]] == ["a"]


def test_excluded_paths_of_the_history_are_not_searched(repository):
    repository.put("tests/fixture", CURRENT)
    commit(repository, "Add it")
    assert found_in_history(repository, exclude=["tests"]) == []


def test_a_directory_without_a_repository_is_refused(scanned):
    with pytest.raises(errors.InvalidInput) as caught:
        scanned.scan(git=True)
    assert (caught.value.option, "no repository" in str(caught.value)) == ("paths", True)


def test_without_the_program_git_that_is_said(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(errors.MissingLibrary, match="git is not installed"):
        repository.scan(git=True)


def test_what_is_staged_counts_and_not_what_the_file_has_now(repository):
    staged = repository.put("staged", "\n" + CURRENT)
    changed = repository.put("changed", "nothing")
    gone = repository.put("gone/deep/file", "\n\n" + CURRENT)
    repository.git("add", "--all")
    staged.write_text("nothing")
    changed.write_text(CURRENT)
    gone.unlink()
    gone.parent.rmdir()
    result = repository.scan(staged, changed, gone, staged=True)
    assert sorted((row["path"], row["line"]) for row in result["findings"]) == [("gone/deep/file", 3), ("staged", 2)]
    assert (result["scanned"]["objects"], result["scanned"]["files"]) == (3, 0)


def test_the_index_of_a_hook_is_used(repository):
    """`git commit FILE` has an index of its own, which only its hook sees."""
    repository.put("a", CURRENT)
    repository.git("add", "a")
    other = str(repository.tree / ".git" / "other-index")
    repository.git("read-tree", "HEAD", GIT_INDEX_FILE=other)
    before = os.environ.copy()
    try:
        os.environ["GIT_INDEX_FILE"] = other
        result = repository.scan(repository.tree / "a", staged=True)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert (result["findings"], reasons(result)["a"]) == ([], "it is not staged, and no file of the repository")
    assert places(repository.scan(repository.tree / "a", staged=True)) == [("a", 1)]


def test_names_with_blanks_quotes_and_wildcards_are_taken_as_they_are(repository):
    names = ['a "b" c', "*", "é", ":(top)d"]
    paths = [repository.put(name, CURRENT) for name in names]
    repository.git("add", "--all")
    assert sorted(row["path"] for row in repository.scan(*paths, staged=True)["findings"]) == sorted(names)
    assert [row["path"] for row in repository.scan(paths[1], staged=True)["findings"]] == ["*"]


def test_a_submodule_is_named(repository, tmp_path):
    head = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", "160000,{0},module".format(head))
    result = repository.scan(repository.tree / "module", staged=True)
    assert "submodule" in reasons(result)["module"]


def test_a_partial_clone_starts_no_program_for_what_it_lacks_not_even_with_an_older_git(repository, tmp_path, monkeypatch):
    missing = repository.git("rev-parse", "HEAD:README")
    (repository.tree / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    started = tmp_path / "started"
    for name, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "evil"),
        ("remote.evil.promisor", "true"),
        ("remote.evil.url", "file://{0}".format(repository.tree)),
        ("remote.evil.uploadpack", "touch {0}; git-upload-pack".format(started)),
    ):
        repository.git("config", name, value)
    monkeypatch.delitem(git._SETTINGS, "GIT_NO_LAZY_FETCH")
    result = repository.scan(repository.tree / "README", staged=True)
    assert "does not have this object" in reasons(result)["README"]
    assert not started.exists()
