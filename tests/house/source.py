# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a checkout as the house rules read them: each is read and parsed once, however many rules look at it."""

from __future__ import annotations

import ast
import subprocess
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

OURS = "ansible_collections.nebula.credential.plugins."
LIBRARY = OURS + "module_utils."


class Import(NamedTuple):
    """A module that a file imports: its whole dotted name, with leading dots if it is relative, and the line."""

    name: str
    line: int


class SourceFile:
    """One file. `name` is its path from the top of the checkout."""

    def __init__(self, tree: SourceTree, path: Path) -> None:
        self._tree, self.path, self.name = tree, path, path.relative_to(tree.root).as_posix()

    def at(self, line: int) -> str:
        """Return `name:line`."""
        return "{0}:{1}".format(self.name, line)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def syntax(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the syntax tree."""
        return list(ast.walk(self.syntax))

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, in the order of their lines."""
        functions = (node for node in self.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        return sorted(functions, key=lambda node: node.lineno)

    @cached_property
    def imports(self) -> list[Import]:
        """Every module that an import statement reaches, wherever in the file it is."""
        return [found for node in self.nodes for found in self._imports_of(node)]

    def _imports_of(self, node: ast.AST) -> list[Import]:
        if isinstance(node, ast.Import):
            return [Import(alias.name, node.lineno) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            # `from package import module` reaches the module too.
            names = [module, *(name for name in (module + "." + alias.name for alias in node.names) if name in self._tree.modules)]
            return [Import(name, node.lineno) for name in names]
        return []


class SourceTree:
    """The files of one checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[Path, SourceFile] = {}

    def file(self, name: str) -> SourceFile:
        """Return the file at a path from the top, which need not exist."""
        path = self.root / name
        return self._files.setdefault(path, SourceFile(self, path))

    def glob(self, pattern: str) -> list[SourceFile]:
        """Return the files whose path from the top matches, sorted."""
        names = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern) if path.is_file())
        return [self.file(name) for name in names if not name.startswith("tests/output/")]

    def python(self, *folders: str) -> list[SourceFile]:
        """Return the Python files below folders."""
        return [found for folder in folders for found in self.glob(folder + "/**/*.py")]

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        return sorted(path.name for path in (self.root / name).glob("*") if path.is_dir() and path.name != "__pycache__")

    @cached_property
    def listed(self) -> list[SourceFile]:
        """Every file that git knows or would know, without what it ignores."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=self.root, capture_output=True, check=True, text=True).stdout.split("\0")
        return [self.file(name) for name in sorted(set(names)) if name and (self.root / name).is_file()]

    @cached_property
    def modules(self) -> set[str]:
        """The dotted name of every module and package of the plugins."""
        names = {tuple(source.name.removesuffix(".py").split("/")) for source in self.python("plugins")}
        return {OURS + ".".join(name[1:end]) for name in names for end in range(2, len(name) + 1)}
