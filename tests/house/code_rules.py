# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the code of a file: its errors, its size, its documentation, its names.

A rule takes a tree and yields a line for each place that breaks it: where, and what is wrong.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import Iterator

import yaml

from tests.house.source import SourceFile, SourceTree

HEADER = """\
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
MAX_FILE, MAX_FUNCTION = 300, 40
DOCUMENTING = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
OF_ANSIBLE = {"AnsibleError", "AnsibleLookupError", "AnsibleOptionsError"}
# For the contract between two pieces of code: a wrong type, a missing method, a stop of iteration.
ALLOWED_BUILTINS = {"TypeError", "NotImplementedError", "StopIteration", "KeyError", "AttributeError", "ValueError", "AssertionError"}
FORBIDDEN_BUILTINS = set(dir(builtins)) - ALLOWED_BUILTINS


def find_scattered_ansible_errors(tree: SourceTree) -> Iterator[str]:
    """Ansible's errors are made in one file of plugin_utils."""
    places = _calls(tree, OF_ANSIBLE)
    if len({source.name for source, _line in places}) > 1 or not all(
        source.name.startswith("plugins/plugin_utils/") for source, _line in places
    ):
        yield from ("{0} makes an error of Ansible's".format(source.at(line)) for source, line in places)


def find_scattered_failures(tree: SourceTree) -> Iterator[str]:
    """Modules fail in one file."""
    places = _calls(tree, {"fail_json"})
    if len({source.name for source, _line in places}) > 1:
        yield from ("{0} calls fail_json".format(source.at(line)) for source, line in places)


def find_foreign_errors(tree: SourceTree) -> Iterator[str]:
    """The library raises the neutral errors alone."""
    for source in tree.python("plugins/module_utils"):
        for node in source.nodes:
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                if name in FORBIDDEN_BUILTINS:
                    yield "{0} raises {1}".format(source.at(node.lineno), name)


def find_package_files_with_content(tree: SourceTree) -> Iterator[str]:
    """An __init__.py is empty: content only makes payloads bigger."""
    return (source.name for source in tree.glob("plugins/**/__init__.py") if source.text)


def find_vague_names(tree: SourceTree) -> Iterator[str]:
    """No file or folder has a name that says nothing."""
    for source in tree.python("plugins", "tests", "extensions"):
        *folders, name = source.name.split("/")
        vague = VAGUE & {*re.split(r"[._]", name), *folders}
        if vague:
            yield "{0}: {1}".format(source.name, ", ".join(sorted(vague)))


def find_long_files(tree: SourceTree) -> Iterator[str]:
    """A file has at most MAX_FILE lines, without blank ones and a plugin's documentation, which is as long as its options are many."""
    for source in tree.python("plugins", "tests"):
        documented = {line for node in _documenting(source) for line in range(node.lineno, (node.end_lineno or 0) + 1)}
        lines = sum(1 for number, line in enumerate(source.text.splitlines(), 1) if line.strip() and number not in documented)
        if lines > MAX_FILE:
            yield "{0} has {1} lines".format(source.name, lines)


def find_long_functions(tree: SourceTree) -> Iterator[str]:
    """A function has at most MAX_FUNCTION lines, without its docstring."""
    for source in tree.python("plugins", "tests"):
        for node in source.functions:
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            lines = (node.end_lineno or 0) - first.lineno + 1
            if lines > MAX_FUNCTION:
                yield "{0} {1} has {2} lines".format(source.at(node.lineno), node.name, lines)


def find_public_code_without_a_docstring(tree: SourceTree) -> Iterator[str]:
    """Files of the library, their public classes and functions, and the public methods that are not an override have a docstring."""
    for source in tree.python("plugins/module_utils", "plugins/plugin_utils"):
        if not ast.get_docstring(source.syntax):
            yield "{0}: the file has none".format(source.name)
        for node, name in _public(source.syntax):
            if not ast.get_docstring(node):
                yield "{0} {1} has none".format(source.at(node.lineno), name)


def find_files_without_a_licence(tree: SourceTree) -> Iterator[str]:
    """Every Python file begins with the licence, and annotates lazily."""
    for source in tree.python("plugins", "tests"):
        if source.name.endswith("__init__.py"):
            continue
        text = source.text.split("\n", 1)[1] if source.text.startswith("#!") else source.text
        if not text.startswith(HEADER):
            yield "{0} does not begin with the licence".format(source.name)
        if "from __future__ import annotations" not in text and "doc_fragments" not in source.name:
            yield "{0} does not import annotations from __future__".format(source.name)


def find_undocumented_plugins(tree: SourceTree) -> Iterator[str]:
    """A plugin is documented in its file or in the sidecar beside it; a module in the file that runs on the target."""
    for source in tree.glob("plugins/*/*.py"):
        if source.name.split("/")[1] not in {"lookup", "modules", "filter", "test"}:
            continue
        sidecar = source.path.with_suffix(".yml")
        if sidecar.exists():
            documented = set(yaml.safe_load(sidecar.read_text(encoding="utf-8")))
        else:
            documented = {target.id for node in _documenting(source) for target in node.targets if isinstance(target, ast.Name)}
        if not documented >= DOCUMENTING:
            yield "{0} has no {1}".format(source.name, ", ".join(sorted(DOCUMENTING - documented)))


def find_modules_outside_the_group(tree: SourceTree) -> Iterator[str]:
    """Every module is in the action group and has its action."""
    runtime = yaml.safe_load(tree.file("meta/runtime.yml").text)
    for source in tree.glob("plugins/modules/*.py"):
        if source.path.stem not in runtime["action_groups"]["credential"]:
            yield "{0} is not in the action group of meta/runtime.yml".format(source.name)
        if not (tree.root / "plugins" / "action" / source.path.name).exists():
            yield "{0} has no action".format(source.name)


def find_underscores(tree: SourceTree) -> Iterator[str]:
    """No name is `_` alone: ansible-test refuses it, and `_each` or `_unused` says more."""
    for source in tree.python("plugins", "tests"):
        for node in source.nodes:
            if isinstance(node, ast.Name) and node.id == "_":
                yield source.at(node.lineno)


def _calls(tree: SourceTree, names: set[str]) -> list[tuple[SourceFile, int]]:
    """Where plugins call a function or class by one of these names."""
    places = []
    for source in tree.python("plugins"):
        for node in source.nodes:
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in names:
                    places.append((source, node.lineno))
    return places


def _documenting(source: SourceFile) -> list[ast.Assign]:
    # A fragment of documentation has it in a class.
    bodies = [source.syntax.body, *(node.body for node in source.syntax.body if isinstance(node, ast.ClassDef))]
    return [
        node
        for body in bodies
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTING
    ]


def _public(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.ClassDef, str]]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node, node.name
            if isinstance(node, ast.ClassDef) and not node.bases:
                methods = (part for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"))
                yield from ((part, node.name + "." + part.name) for part in methods)
