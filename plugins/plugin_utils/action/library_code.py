# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run_on: target`: which files of the library a module needs on a host, and their text.

A file needs the files that it imports, at any depth, with one exception: of the tables of operations, backends, locks and key sources it
needs only the rows that the task uses. The catalog of rotation targets, the recipes of refreshes, comments and
docstrings stay on the controller.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ansible import constants

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import DEFAULT as DEFAULT_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import KINDS as KEY_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import FILE, KINDS
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS
from ansible_collections.nebula.credential.plugins.module_utils.sent_code import LIBRARY, pack
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import list_source_kinds

_PLUGINS = Path(__file__).parents[2]
_TABLES = ("backends.registry", "crypto.key_sources.registry", "locks.registry", "operations.registry")
_NEVER_SENT = ("rotation.targets.catalog", "types.recipes.options")
"""What only the controller has. The file that imports it can do without: a store with `refreshes` is never opened on a host."""


def has_module(operation: str) -> bool:
    """Whether an operation has a module of this collection. ansible-core builds the payload of another collection's."""
    return (_PLUGINS / "modules" / (operation + ".py")).is_file()


def build_code(operation: str, store: StoreReference) -> str:
    """Return the packed code that the module of an operation needs on a host, for a store and those beside it.

    It is built once per run, under a lock, and kept in ansible-core's directory of the run.
    """
    backends = sorted({str(each.config.get("backend")) for each in store.every} & set(BACKENDS))
    locks = sorted({str(read_part(each.config, "lock.kind")) for each in store.every} & set(KINDS))
    sources = sorted({kind for each in store.every for kind in list_source_kinds(each.config, DEFAULT_SOURCES)} & set(KEY_SOURCES))
    key = hashlib.sha256("\n".join([operation, *backends, "", *locks, "", *sources]).encode()).hexdigest()[:16]
    kept = Path(constants.DEFAULT_LOCAL_TMP) / "nebula-credential-{0}".format(key)
    with FileLock(str(kept) + ".lock", timeout=60):
        if not kept.exists():
            write_durably(str(kept), pack(read_library(operation, backends, locks, sources)).encode())
    return kept.read_text(encoding="ascii")


def read_library(
    operation: str, backends: Iterable[str], locks: Iterable[str] = (), key_sources: Iterable[str] = ("key_file",)
) -> dict[str, str]:
    """Return the sources of the files that a module needs, by their full names, without comments and docstrings."""
    needed = {LIBRARY + "operations.module_main", LIBRARY + "argument_specs." + operation}
    needed.update(_find_imports(_parse_row(OPERATIONS[operation])))
    of_locks, of_sources = (KINDS[kind] for kind in (FILE, *locks)), (KEY_SOURCES[kind] for kind in key_sources)
    for row in (*(BACKENDS[backend] for backend in backends), *of_locks, *of_sources):
        needed.update(_find_imports(_parse_row(row)))
    sources: dict[str, str] = {}
    waiting = sorted(needed)
    while waiting:
        name = waiting.pop()
        if name not in sources and name[len(LIBRARY) :] not in _NEVER_SENT and _path_of(name).is_file():
            sources[name], imported = _read_file(name)
            waiting.extend(imported)
    return sources


@functools.lru_cache(maxsize=None)
def _read_file(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the source of a file without comments and docstrings, and the names that it imports. A process parses each file once.

    Of a table these are the imports for all rows.
    """
    tree = ast.parse(_path_of(name).read_bytes())
    is_table = name[len(LIBRARY) :] in _TABLES
    imports = [each for each in tree.body if isinstance(each, ast.ImportFrom)] if is_table else [tree]
    return ast.unparse(_drop_texts(tree)), tuple(found for each in imports for found in _find_imports(each))


def _parse_row(row: Callable[[], object]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(row)))


def _path_of(name: str) -> Path:
    return _PLUGINS.joinpath("module_utils", *name[len(LIBRARY) :].split(".")).with_suffix(".py")


def _find_imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full names in the library that the statements import, and those that may be a module or a name of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(LIBRARY):
            yield node.module
            yield from ("{0}.{1}".format(node.module, alias.name) for alias in node.names)


def _drop_texts(tree: ast.Module) -> ast.Module:
    """Remove each statement that is only a text."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return tree


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
