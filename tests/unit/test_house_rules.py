# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that keep the collection's parts apart and its files small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
LIBRARY = PLUGINS / "module_utils"
OURS = "ansible_collections.nebula.credential.plugins."
LIBRARY_NAME = OURS + "module_utils."
HEADER = """\
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
MAX_FILE, MAX_FUNCTION = 300, 40
DOCUMENTING = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
# Rooms from the ground up; an import goes down only. Rooms of one floor do not import one another.
ORDER = """
errors < model, filesystem < encoding, context < network < logins < backends < types < locks < crypto, rotation < layers, argument_specs
< audit, metrics < store < migration, adoption, drift, scanning, reports < operations
"""
ORDER_ON_THE_CONTROLLER = "output < config < session < client < lookup, action"
# The one place each where a neutral error becomes one of Ansible's.
EDGE_OF_MODULES = {"plugins/module_utils/module.py", "plugins/module_utils/module_base.py"}


def python_files(*folders):
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py") if "output" not in path.parts)


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True, text=True)
    return [CHECKOUT / name for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()]


def shown(path):
    return str(path.relative_to(CHECKOUT))


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path):
    """Every module name an import statement of the file can reach, whole."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "{0} line {1} imports relatively".format(shown(path), node.lineno)
            yield node.module
            # `from package import module` reaches the module too.
            yield from ("{0}.{1}".format(node.module, alias.name) for alias in node.names if is_ours(node.module, alias.name))


def is_ours(module, name):
    return module.startswith("ansible_collections.nebula.credential") and module_file("{0}.{1}".format(module, name)).exists()


def module_file(dotted):
    path = CHECKOUT.joinpath(*dotted.split(".")[3:])
    return path if path.is_dir() else path.with_suffix(".py")


def plugin_files(kind):
    return sorted((PLUGINS / kind).glob("*.py"))


PYTHON = python_files("plugins", "tests")
IN_PLUGINS = python_files("plugins")
IN_LIBRARY = python_files("plugins/module_utils")
BACKENDS = sorted(path for path in (LIBRARY / "backends").iterdir() if path.is_dir() and path.name not in {"objects", "__pycache__"})
each = pytest.mark.parametrize


def floors(order):
    """The floor of each room."""
    return {room.strip(): floor for floor, rooms in enumerate(order.split("<")) for room in rooms.split(",")}


def room_of(name):
    """The tree and the room of a dotted module name of ours: ("module_utils", "model")."""
    parts = name[len(OURS) :].split(".")
    return parts[0], parts[1] if len(parts) > 1 else ""


def climbing_imports(tree, order):
    """Each import between rooms of `tree` that does not go down, as a sentence that names the two rooms."""
    floor = floors(order)
    for path in python_files("plugins/" + tree):
        room = path.relative_to(PLUGINS / tree).parts[0].removesuffix(".py")
        if room not in floor:
            yield "{0}: the room {1} is not in the order".format(shown(path), room)
            continue
        for name in imports_of(path):
            if not name.startswith(OURS) or room_of(name)[0] != tree or room_of(name)[1] in {"", room}:
                continue
            other = room_of(name)[1]
            if other not in floor or floor[other] >= floor[room]:
                yield "{0} imports {1} ({2} imports {3})".format(room, other, shown(path), name[len(OURS) :])


@each(("tree", "order"), [("module_utils", ORDER), ("plugin_utils", ORDER_ON_THE_CONTROLLER)])
def test_an_import_goes_down_only(tree, order):
    assert sorted(set(climbing_imports(tree, order))) == []


def test_no_backend_imports_another():
    crossing = [
        "{0} imports {1}".format(shown(path), name[len(LIBRARY_NAME) :])
        for folder in BACKENDS
        for path in sorted(folder.glob("*.py"))
        for name in imports_of(path)
        if any(name.startswith(LIBRARY_NAME + "backends." + other.name + ".") for other in BACKENDS if other != folder)
    ]
    assert crossing == []


def test_no_backend_imports_ansible():
    found = [
        shown(path) for path in python_files("plugins/module_utils/backends") if any(n.startswith("ansible.") for n in imports_of(path))
    ]
    assert found == []


def test_every_backend_folder_is_in_the_registry():
    """A new backend is one folder and one row in backends/registry.py."""
    registered = set(imports_of(LIBRARY / "backends" / "registry.py"))
    assert {LIBRARY_NAME + "backends." + folder.name + ".backend" for folder in BACKENDS} <= registered


@each("path", IN_LIBRARY, ids=shown)
def test_the_library_imports_no_plugin_of_the_controller(path):
    forbidden = ("ansible.plugins", "ansible.errors", "ansible.parsing", "ansible.template", "ansible.vars", "ansible.executor")
    forbidden += (OURS + "plugin_utils", OURS + "action", OURS + "lookup")
    assert [name for name in imports_of(path) if name.startswith(forbidden)] == []


@each("path", IN_PLUGINS, ids=shown)
def test_nothing_relies_on_what_ansible_is_about_to_remove(path):
    leaving = ("ansible.module_utils._text", "ansible._internal", "ansible.plugins.cache")
    assert [name for name in imports_of(path) if name.startswith(leaving)] == []


@each("path", IN_LIBRARY, ids=shown)
def test_imports_can_be_read_off_the_source(path):
    """A module's payload is built from static imports, and dynamic ones fail on a target."""
    names = {name for name in imports_of(path) if name.split(".")[0] in {"importlib", "pkgutil", "imp", "runpy"}}
    called = {node.func.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert names == set()
    assert called & {"__import__", "exec", "eval", "compile"} == set()


@each("path", IN_LIBRARY, ids=shown)
def test_the_library_starts_on_the_standard_library_alone(path):
    """Anything else is guarded by try, or imported where it is used."""
    tree = tree_of(path)
    unguarded = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in unguarded if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in unguarded if isinstance(node, ast.ImportFrom)}
    allowed = set(sys.stdlib_module_names) | {"ansible", "ansible_collections"}
    assert {name for name in names if name.split(".")[0] not in allowed} == set()


def calls_and_raises(path, names):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            if name in names:
                yield name, node.lineno


def test_ansible_errors_are_made_in_one_place():
    places = {
        shown(path) for path in IN_PLUGINS if any(calls_and_raises(path, {"AnsibleError", "AnsibleLookupError", "AnsibleOptionsError"}))
    }
    assert len(places) <= 1, places
    assert all(place.startswith("plugins/plugin_utils/") for place in places)


def test_modules_fail_in_one_place():
    places = {shown(path) for path in IN_PLUGINS if any(calls_and_raises(path, {"fail_json"}))}
    assert len(places) <= 1, places


@each("path", IN_LIBRARY, ids=shown)
def test_the_library_raises_the_neutral_errors_alone(path):
    """Built-in errors are for the contract between two pieces of code: a wrong type, a missing method, a stop of iteration."""
    allowed_builtins = {"TypeError", "NotImplementedError", "StopIteration", "KeyError", "AttributeError", "ValueError", "AssertionError"}
    tree = tree_of(path)
    raised = [
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    ]
    builtin = set(dir(__import__("builtins"))) - allowed_builtins
    assert [name for name in raised if name in builtin] == []


@each("path", [path for path in IN_PLUGINS if path.name == "__init__.py"] or [None], ids=str)
def test_no_package_file_has_content(path):
    assert path is None or path.read_text() == "", "__init__.py only makes payloads bigger"


@each("path", PYTHON + python_files("extensions"), ids=shown)
def test_no_file_has_a_name_that_says_nothing(path):
    words = set(re.split(r"[._]", path.stem)) | set(path.relative_to(CHECKOUT).parent.parts)
    assert words & VAGUE == set()


def without_documentation(path):
    """The lines that are neither blank nor an Ansible plugin's documentation, which is as long as its options are many."""
    text = path.read_text(encoding="utf-8")
    documented = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTING:
            documented.update(range(node.lineno, node.end_lineno + 1))
    return [line for number, line in enumerate(text.splitlines(), 1) if line.strip() and number not in documented]


@each("path", PYTHON, ids=shown)
def test_files_are_short(path):
    assert len(without_documentation(path)) <= MAX_FILE


def lines_of_code(node):
    """A function's lines without its docstring."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return node.end_lineno - first.lineno + 1


@each("path", PYTHON, ids=shown)
def test_functions_are_short(path):
    functions = (node for node in ast.walk(tree_of(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    assert [(node.name, lines_of_code(node)) for node in functions if lines_of_code(node) > MAX_FUNCTION] == []


def public_definitions(tree):
    """Public classes and functions of a file, and the public methods that are not an override."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node, node.name
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from ((part, node.name + "." + part.name) for part in node.body if is_public_method(part))


def is_public_method(node):
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("_")


@each("path", IN_LIBRARY + python_files("plugins/plugin_utils"), ids=shown)
def test_what_is_public_has_a_docstring(path):
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the file itself"
    assert [name for node, name in public_definitions(tree) if not ast.get_docstring(node)] == []


@each("path", [path for path in PYTHON if path.name != "__init__.py"], ids=shown)
def test_every_file_names_its_licence(path):
    text = path.read_text(encoding="utf-8")
    text = text.split("\n", 1)[1] if text.startswith("#!") else text
    assert text.startswith(HEADER)
    assert "from __future__ import annotations" in text or "doc_fragments" in path.parts


@each("path", plugin_files("lookup") + plugin_files("modules") + plugin_files("filter") + plugin_files("test"), ids=shown)
def test_every_plugin_is_documented(path):
    """In the file, or in the sidecar beside it; a module by the file that runs on the target."""
    sidecar = path.with_suffix(".yml")
    if sidecar.exists():
        documented = yaml.safe_load(sidecar.read_text(encoding="utf-8"))
        assert set(documented) >= DOCUMENTING
        return
    assigned = {node.targets[0].id for node in tree_of(path).body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    assert assigned >= DOCUMENTING


@each("path", plugin_files("modules"), ids=shown)
def test_every_module_is_in_the_action_group_and_has_its_action(path):
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())
    assert path.stem in runtime["action_groups"]["credential"]
    assert (PLUGINS / "action" / path.name).exists()


def test_the_ignore_files_of_the_sanity_tests_are_empty():
    assert [path.name for path in (CHECKOUT / "tests" / "sanity").glob("ignore*") if path.read_text().strip()] == []


def test_nothing_refers_to_an_issue_by_number():
    """A reason stands where it is needed; a number points to a place the reader may not have."""
    pattern = re.compile(r"(?i)\b(issue|ticket|pull request|pr|gh-|fixes|closes)\s*#?\d+\b|(?<![\w&#/;])#\d{1,5}\b(?!\w)")
    binary = {".enc", ".bin", ".png", ".xz"}
    found = []
    for path in tracked_files():
        if path.suffix in binary or "LICENSE" in path.name or "LICENSES" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line) and "iv." not in line:
                found.append("{0}:{1}: {2}".format(shown(path), number, line.strip()[:80]))
    assert found == []


@each("path", PYTHON, ids=shown)
def test_nothing_is_called_by_an_underscore_alone(path):
    """ansible-test refuses the name; `_each` or `_unused` says more. Told here because this test takes no minute."""
    names = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name) and node.id == "_"]
    assert names == []
