# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`scan` by hand: what it lists, its exit codes, and as a hook before a commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.unit.command.commands import Typed

VALUE = "canary-value-of-db"


@pytest.fixture
def tree(typed: Typed, tmp_path: Path) -> Path:
    """A repository in a directory of its own, and a store with one value."""
    typed.succeed("set", "shop/db", given=VALUE)
    made = tmp_path / "tree"
    made.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=made, check=True)
    return made


def test_it_ends_with_0_if_there_is_nothing_and_with_10_if_there_is(typed: Typed, tree: Path) -> None:
    (tree / "a.ini").write_text("nothing\n")
    assert "1 values: 0 found" in typed.succeed("scan", str(tree), "--exclude", ".git").messages
    (tree / "a.ini").write_text("\npassword={0}\n".format(VALUE))
    done = typed("scan", str(tree))
    assert (done.status, done.output.split()) == (10, [str(tree / "a.ini") + ":2", "shop/db:value", "plain"])
    assert VALUE not in done.output + done.messages
    done = typed("scan", str(tree), "--json")
    assert (done.status, done.json["total"], done.json["findings"][0]["name"]) == (10, 1, "shop/db")


def test_without_a_path_it_searches_this_directory(typed: Typed, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    (tree / "binary").write_bytes(b"\0" + VALUE.encode())
    assert typed("scan").output.startswith(str(tree / "binary") + " (byte 1)")


def test_what_was_skipped_and_left_out_is_said(typed: Typed, tree: Path) -> None:
    typed.succeed("set", "short", given="abc")
    os.mkfifo(tree / "fifo")
    messages = typed("scan", str(tree)).messages
    assert "skipped: {0}/fifo: it is a FIFO".format(tree) in messages
    assert "not searched for: 1 values" in messages


def test_a_wrong_path_is_an_error_of_its_own(typed: Typed, tree: Path) -> None:
    assert typed("scan", str(tree / "nothing")).status == 2
    assert typed("scan", str(tree), "--limit", "0").status == 2


def test_a_store_without_a_value_to_search_for_is_an_error(typed: Typed, tree: Path) -> None:
    done = typed("scan", str(tree), "--prefix", "nothing/")
    assert (done.status, done.output) == (3, "")
    assert "there is no value to search for" in done.messages


def test_the_hook_of_pre_commit_refuses_a_commit_for_what_is_staged(typed: Typed, tree: Path) -> None:
    """By a hook of git that does what pre-commit does: it calls the entry with the names of the staged files."""
    (hook,) = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = [*hook["entry"].split(), *hook.get("args", ())]
    assert (program, hook["language"], hook.get("pass_filenames", True)) == ("nebula-credential", "system", True)
    command = [sys.executable, "-m", "ansible_collections.nebula.credential.plugins.plugin_utils.command", *arguments]
    script = tree / ".git" / "hooks" / "pre-commit"
    script.write_text("#!/bin/sh\ngit diff --cached --name-only --diff-filter=ACMR -z | xargs -0 {0}\n".format(" ".join(command)))
    script.chmod(0o755)
    path = tree / "sub" / "a.ini"
    path.parent.mkdir()
    path.write_text(VALUE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b"}
    environment.update(GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=tree, env=environment, capture_output=True, text=True, check=False)

    option = tree / "--help"
    option.write_text(VALUE)
    git("add", "--", option.name)
    assert "--help:1" in git("commit", "--message", "a").stderr
    git("rm", "--force", "--", option.name)
    git("add", "--all")
    path.write_text("nothing")
    refused = git("commit", "--message", "a")
    assert refused.returncode != 0
    assert "sub/a.ini:1" in refused.stdout + refused.stderr
    assert VALUE not in refused.stdout + refused.stderr
    git("add", "--all")
    path.write_text(VALUE)
    done = git("commit", "--message", "a")
    assert done.returncode == 0, done.stderr
