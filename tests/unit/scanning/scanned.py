# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store with values to search for, and a directory to search."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

CURRENT, REPLACED = "canary-value-of-now", "canary-value-of-before"


class Scanned:
    """A local store with the credential `db`, which had another value before, and the tree that is searched."""

    def __init__(self, directory, **config):
        self.tree = directory / "tree"
        self.tree.mkdir()
        self.store_directory = directory / "store"
        self.manager = open_store({"backend": "local", "path": str(self.store_directory), **config}, name="main")
        self.write("db", REPLACED, type="basic", fields={"username": Secret("canary-user-name")})
        self.write("db", CURRENT)

    def write(self, name, value, **more):
        self.manager.ensure(DesiredCredential(name, value=Secret(value), **more))

    def scan(self, *paths, **parameters):
        """The result of the operation, as a module requests it."""
        wanted = {"paths": [str(path) for path in paths or (self.tree,)], **parameters}
        return perform(self.manager, "scan", wanted, NOBODY).result

    def put(self, name, content):
        """Write a file of the tree."""
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    def git(self, *arguments, **variables):
        """Call git in the tree."""
        who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.tree, env={**os.environ, **who, **variables}, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def places(result):
    """Where something was found, as pairs of the path's end and the line."""
    return [(os.path.basename(row["path"]), row["line"]) for row in result["findings"]]


def reasons(result):
    """Why something was skipped, by the last name of its path."""
    return {os.path.basename(row["path"]): row["reason"] for row in result["not_searched"]}
