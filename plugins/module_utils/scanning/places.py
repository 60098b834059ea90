# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places that a scan goes through: files, the history of a repository, what is staged in one."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import describe_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular
from ansible_collections.nebula.credential.plugins.module_utils.scanning.git import (
    BLOB,
    SUBMODULE,
    TREE,
    GitObject,
    ObjectReader,
    Repository,
    find_directory,
)
from ansible_collections.nebula.credential.plugins.module_utils.scanning.scan import Scan, describe_os_error
from ansible_collections.nebula.credential.plugins.module_utils.scanning.tree import NO_FILE, Exclusion, Tree

SHALLOW = "its history is not whole: it is a shallow clone ('git fetch --unshallow' gets the rest)"
NOT_THERE = "the repository does not have this object"
NOT_STAGED = "it is not staged, and no file of the repository"
A_SUBMODULE = "it is a submodule: name its directory"


class Places(NamedTuple):
    """Where to search.

    Attributes:
        paths: files and directories.
        history: the repositories that the paths are in are searched, too: every object of their history.
        staged: instead of the files, what the index of their repository has of them.
        exclude: patterns of what is left out.
        own: the files and directories of the store (`filesystem.identity.describe_file`).
    """

    paths: Sequence[str]
    history: bool
    staged: bool
    exclude: Sequence[str]
    own: FrozenSet[str]


def search_each(scan: Scan, places: Places) -> Iterator[str]:
    """Search all places. Yield the path of each file and object when it is done.

    Raises:
        MissingLibrary: the program git is needed, and not installed.
        InvalidInput: a path is in no repository.
        StorageError: git fails.
    """
    exclusion = Exclusion(places.exclude)
    if places.staged:
        yield from _search_staged(scan, places.paths, exclusion)
        return
    repositories = [(path, Repository(find_directory(path))) for path in places.paths] if places.history else []
    histories = frozenset(describe_file(repository.find_objects()) for _path, repository in repositories)
    for path in places.paths:
        yield from _search_tree(scan, Tree(path, exclusion, places.own, scan.report, histories))
    for path, repository in repositories:
        yield from _search_history(scan, path, repository, exclusion)


def _search_tree(scan: Scan, tree: Tree) -> Iterator[str]:
    for path in tree.list_files():
        try:
            file = os.fdopen(open_regular(path), "rb", buffering=0)
        except OSError as error:
            scan.report.skip(path, describe_os_error(error))
            continue
        except Damaged:  # it was a regular file when its directory was read
            scan.report.skip(path, NO_FILE)
            continue
        with file:
            scan.search(path, file.read)
        scan.report.scanned["files"] += 1
        yield path


def _search_history(scan: Scan, path: str, repository: Repository, exclusion: Exclusion) -> Iterator[str]:
    if repository.is_shallow:
        scan.report.skip(path, SHALLOW)
    with repository.reading() as reader:
        for each in repository.list_history():
            if each.path and exclusion.matches(each.path):
                scan.report.scanned["excluded"] += 1
            else:
                _search_object(scan, each, reader)
                yield each.path


def _search_staged(scan: Scan, paths: Sequence[str], exclusion: Exclusion) -> Iterator[str]:
    for directory, names in _group(paths).items():
        repository = Repository(directory)
        found = {each.path: (mode, each) for mode, each in repository.list_staged(names)}
        if not found:
            scan.report.skip(os.path.join(directory, names[0]), NOT_STAGED)
        with repository.reading() as reader:
            for path, (mode, each) in found.items():
                if exclusion.matches(path):
                    scan.report.scanned["excluded"] += 1
                elif mode == SUBMODULE:
                    scan.report.skip(path, A_SUBMODULE)
                else:
                    _search_object(scan, each, reader)
                    yield path


def _group(paths: Sequence[str]) -> Dict[str, List[str]]:
    """Return the paths by the nearest directory that is there, relative to it."""
    groups: Dict[str, List[str]] = {}
    for path in paths:
        directory = find_directory(path)
        groups.setdefault(directory, []).append(os.path.relpath(path, directory))
    return groups


def _search_object(scan: Scan, each: GitObject, reader: ObjectReader) -> None:
    opened = reader.open(each.id)
    if opened is None:
        scan.report.skip(each.path or each.id, NOT_THERE)
        return
    kind, read = opened
    if kind != TREE:
        scan.search(each.path if kind == BLOB else "", read, each.id)
        scan.report.scanned["objects"] += 1
