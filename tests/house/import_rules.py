# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about imports: what the library and its backends may not import. The order of the rooms is in rooms.py.

A rule takes a tree and yields a line for each place that breaks it: where, and what is wrong.
"""

from __future__ import annotations

import ast
import sys
from typing import Iterable, Iterator

from tests.house.source import LIBRARY, OURS, SourceFile, SourceTree

IN_LIBRARY = "plugins/module_utils"
OF_THE_CONTROLLER = ("ansible.plugins", "ansible.errors", "ansible.parsing", "ansible.template", "ansible.vars", "ansible.executor")
OF_THE_CONTROLLER += (OURS + "plugin_utils", OURS + "action", OURS + "lookup")
LEAVING = ("ansible.module_utils._text", "ansible._internal", "ansible.plugins.cache")
DYNAMIC_MODULES = {"importlib", "pkgutil", "imp", "runpy"}
FINDERS = {"importlib.machinery"}
"""They say whether a module is installed, and import none."""
SHIPPED_SUITES = ("tests/conformance/", "tests/target_suite/", "tests/type_conformance/")
SENT_CODE = IN_LIBRARY + "/sent_code.py"
"""It imports what the action sent, which no import statement of a module may name."""
DYNAMIC_CALLS = {"__import__", "exec", "eval", "compile"}
ALWAYS_THERE = set(sys.stdlib_module_names) | {"ansible", "ansible_collections"}


def find_imports_between_backends(tree: SourceTree) -> Iterator[str]:
    """No backend imports another, and no type or login imports one."""
    every = tuple(LIBRARY + "backends." + backend + "." for backend in backends(tree))
    yield from _imports(tree.python(IN_LIBRARY + "/types", IN_LIBRARY + "/logins"), every)
    for backend in backends(tree):
        others = tuple(LIBRARY + "backends." + other + "." for other in backends(tree) if other != backend)
        yield from _imports(tree.python(IN_LIBRARY + "/backends/" + backend), others)


def find_backends_that_import_ansible(tree: SourceTree) -> Iterator[str]:
    """No backend imports Ansible."""
    return _imports(tree.python(IN_LIBRARY + "/backends"), ("ansible.",))


def find_backends_without_a_row(tree: SourceTree) -> Iterator[str]:
    """A backend is one folder and one row in backends/registry.py."""
    registry = tree.file(IN_LIBRARY + "/backends/registry.py")
    for backend in backends(tree):
        if not any(found.name.startswith("{0}backends.{1}.".format(LIBRARY, backend)) for found in registry.imports):
            yield "{0}: no row for the folder {1}".format(registry.name, backend)


def find_imports_of_the_controller(tree: SourceTree) -> Iterator[str]:
    """The library imports no plugin of the controller."""
    return _imports(tree.python(IN_LIBRARY), OF_THE_CONTROLLER)


def find_imports_of_what_leaves(tree: SourceTree) -> Iterator[str]:
    """No plugin imports what ansible-core is about to remove."""
    return _imports(tree.python("plugins"), LEAVING)


def find_relative_imports(tree: SourceTree) -> Iterator[str]:
    """No import is relative: each names the whole path. A suite that is shipped has two: in its distribution it has another name."""
    sources = (source for source in tree.python("plugins", "tests") if not source.name.startswith(SHIPPED_SUITES))
    return _imports(sources, (".",))


def find_dynamic_imports(tree: SourceTree) -> Iterator[str]:
    """The library's imports can be read off the source: a payload is built from them, and a dynamic one fails on a target."""
    for source in tree.python(IN_LIBRARY):
        if source.name == SENT_CODE:
            continue
        for found in source.imports:
            if found.name.split(".")[0] in DYNAMIC_MODULES and found.name not in FINDERS:
                yield "{0} imports {1}".format(source.at(found.line), found.name)
        for node in source.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DYNAMIC_CALLS:
                yield "{0} calls {1}".format(source.at(node.lineno), node.func.id)


def find_unguarded_libraries(tree: SourceTree) -> Iterator[str]:
    """The library starts on the standard library alone: anything else is imported in a `try`, or where it is used."""
    for source in tree.python(IN_LIBRARY):
        for node in source.syntax.body:
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                if module.split(".")[0] not in ALWAYS_THERE:
                    yield "{0} imports {1}".format(source.at(node.lineno), module)


def backends(tree: SourceTree) -> list[str]:
    """Return the folders of the backends; `objects` is what some of them stand on."""
    return [name for name in tree.folders(IN_LIBRARY + "/backends") if name != "objects"]


def _imports(sources: Iterable[SourceFile], forbidden: tuple[str, ...]) -> Iterator[str]:
    for source in sources:
        for found in source.imports:
            if found.name.startswith(forbidden):
                yield "{0} imports {1}".format(source.at(found.line), found.name)
