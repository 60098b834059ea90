# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search the files that a playbook leads to: its plays, roles, task files, templates and variables. Conditions are not evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ansible_collections.nebula.credential.plugins.plugin_utils.config.credential_files import ENDING, OF_GROUPS, OF_HOSTS
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.documents import (
    Node,
    items_of,
    pairs_of,
    place_of,
    read_document,
    read_text,
    text_of,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.expressions import (
    COLLECTION,
    COMPUTED,
    Values,
    search_expression,
    search_template,
    tell_names,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions, Place
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.tasks import read_module

_BUILTIN = ("ansible.builtin.", "ansible.legacy.")
_TASK_FILES = ("import_tasks", "include_tasks")
_ROLES = ("import_role", "include_role")
_CONDITIONS = ("when", "failed_when", "changed_when", "until", "that", "break_when")
_LOOPS = ("loop", "with_items", "with_list")
_STORE_VARIABLE = "nebula_credential_store"
_YAML = (".yml", ".yaml", ".json", "")
_OF_ROLE = ("tasks", "handlers", "defaults", "vars", "meta")
NOTHING: Values = {}


class Scan:
    """One search. `found` is what it has found so far."""

    def __init__(self, roles: Iterable[Path], collections: Iterable[Path]) -> None:
        """Take the directories of roles, and those that hold `ansible_collections`."""
        self.found = Mentions()
        self._roles = list(roles)
        self._collections = list(collections)

    def search_playbook(self, path: Path) -> None:
        """Search a playbook, and what it leads to."""
        for play in items_of(read_document(path, self.found)):
            self._search_play(play, path)
        self.search_variables(path.parent)

    def search_variables(self, directory: Path) -> None:
        """Search the variables of groups and hosts beside a playbook or an inventory."""
        for folder in (OF_GROUPS, OF_HOSTS):
            for path in sorted((directory / folder).rglob("*")):
                if path.suffix == ENDING and path.is_file():
                    self._search_vars_file(path)
                elif path.suffix in _YAML and path.is_file():
                    self._search(read_document(path, self.found), path, NOTHING)

    def _search_play(self, play: Node, path: Path) -> None:
        for key, value in pairs_of(play):
            if _shorten(key) == "import_playbook":
                self._follow(value, path, self.search_playbook)
            elif key == "roles":
                for role in items_of(value):
                    self._search_role(self._name_role(role), path, place_of(role, path))
                self._search(value, path, NOTHING)
            elif key == "vars_files":
                for each in (inner for outer in items_of(value) for inner in items_of(outer)):
                    self._follow(each, path, self._search_file)
            else:
                self._search_pair(key, value, path, NOTHING)

    def _search(self, node: Node | None, path: Path, values: Values) -> None:
        """Search a node and all below it."""
        pairs = list(pairs_of(node))
        if pairs:
            values = {**values, **_read_loop(dict(pairs))}
            for key, value in pairs:
                self._search_pair(key, value, path, values)
            return
        text = text_of(node)
        if node is not None and text is not None:
            search_template(text, place_of(node, path), self.found, values)
        elif node is not None and items_of(node) != [node]:
            for element in items_of(node):
                self._search(element, path, values)

    def _search_pair(self, key: str, value: Node, path: Path, values: Values) -> None:
        name = _shorten(key)
        if name in _TASK_FILES:
            self._follow(_part(value, "file"), path, self._search_file)
        elif name in _ROLES:
            self._search_role(text_of(_part(value, "name")), path, place_of(value, path))
        elif name == "template":
            self._follow(_part(value, "src"), path, self._search_template_file)
        elif key.startswith(COLLECTION):
            read_module(key[len(COLLECTION) :], value, place_of(value, path), self.found, values)
        elif key == _STORE_VARIABLE:
            self.found.untold.append((place_of(value, path), "a variable chooses the store of some hosts or tasks"))
        elif key in _CONDITIONS:
            for each in items_of(value):
                condition = text_of(each)
                if condition is not None:
                    search_expression(condition, place_of(each, path), self.found, values)
            return
        self._search(value, path, values)

    def _search_file(self, path: Path) -> None:
        self._search(read_document(path, self.found), path, NOTHING)

    def _search_template_file(self, path: Path) -> None:
        text = read_text(path, self.found)
        if text is not None:
            search_template(text, Place(str(path), 1), self.found, NOTHING)

    def _follow(self, node: Node | None, path: Path, search: object) -> None:
        """Search the file that a node names, beside the file that it is in or where Ansible looks for its kind."""
        named = text_of(node)
        if node is None or named is None or "{{" in named:
            if node is not None:
                self.found.untold.append((place_of(node, path), "the name of a file is computed"))
            return
        near = (path.parent, path.parent.parent, *(path.parent / folder for folder in ("templates", "tasks", "vars")))
        further = (path.parent.parent / "templates", path.parent.parent / "vars")
        target = next((place / named for place in (*near, *further) if (place / named).is_file()), None)
        if target is None or not callable(search):
            self.found.untold.append((place_of(node, path), "the file that it names is not there"))
            return
        search(target)

    @staticmethod
    def _name_role(node: Node) -> str | None:
        text = text_of(node)
        return text if text is not None else text_of(_part(node, "role")) or text_of(_part(node, "name"))

    def _search_role(self, name: str | None, path: Path, place: Place) -> None:
        if name is None or "{{" in name:
            self.found.untold.append((place, "the name of a role is computed"))
            return
        if name.startswith(COLLECTION):
            self.found.untold.append((place, "the role gets its names by variables"))
            return
        directory = next((each for each in self._list_places(name, path) if each.is_dir()), None)
        if directory is None:
            self.found.untold.append((place, "the role is not there"))
            return
        for file in (file for folder in _OF_ROLE for file in sorted((directory / folder).rglob("*"))):
            if file.suffix in _YAML[:-1] and file.is_file():
                document = read_document(file, self.found)
                self._search(document, file, NOTHING)
                for role in items_of(_part(document, "dependencies")) if file.parent.name == "meta" else ():
                    self._search_role(self._name_role(role), file, place_of(role, file))
        for file in sorted((directory / "templates").rglob("*")):
            if file.is_file():
                self._search_template_file(file)

    def _list_places(self, name: str, path: Path) -> list[Path]:
        parts = name.split(".")
        if len(parts) >= 3:
            inside = Path("ansible_collections", *parts[:2], "roles", *parts[2:])
            return [place / inside for place in self._collections]
        # Of a role that names another one, the second is beside the first.
        above = [parent.parent for parent in path.parents if parent.parent.name == "roles"]
        return [place / name for place in (path.parent / "roles", *above, *self._roles)]

    def _search_vars_file(self, path: Path) -> None:
        """Read a file of the vars plugin: variables, each with the name of a credential, or a mapping that has it."""
        document = read_document(path, self.found)
        if document is not None:
            self.found.vars_files.append(str(path))
        for _variable, value in pairs_of(document):
            name = text_of(value) if text_of(value) is not None else text_of(_part(value, "name"))
            store = text_of(_part(value, "store")) if list(pairs_of(value)) else None
            told = None if name is None else tell_names(name, NOTHING)
            if told is None:
                self.found.untold.append((place_of(value, path), COMPUTED))
            else:
                self.found.add(told, store, place_of(value, path))


def _shorten(key: str) -> str:
    for prefix in _BUILTIN:
        if key.startswith(prefix):
            return key[len(prefix) :]
    return key


def _part(node: Node | None, name: str) -> Node | None:
    """Return a part of a mapping; for `file`, `src` and the like, the node itself if it is a text."""
    pairs = dict(pairs_of(node))
    if pairs:
        return pairs.get(name)
    return node if name in ("file", "src") and text_of(node) is not None else None


def _read_loop(task: Mapping[str, Node]) -> dict[str, Sequence[str]]:
    """Return the texts that the loop variable of a task can have; nothing if they cannot be told."""
    loop = next((task[key] for key in _LOOPS if key in task), None)
    texts = [text_of(each) for each in items_of(loop)]
    if loop is None or items_of(loop) == [loop] or any(text is None or "{{" in text for text in texts):
        return {}
    variable = text_of(_part(task.get("loop_control"), "loop_var")) or "item"
    return {variable: [text for text in texts if text is not None]}
