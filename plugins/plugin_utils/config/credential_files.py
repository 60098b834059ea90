# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that say which credential a variable is (`group_vars/web.credentials`), as templates for the vars plugin."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import GET
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    find_closest,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.plugin_utils.config.yaml_errors import describe_load_error

ENDING = ".credentials"
OF_HOSTS, OF_GROUPS = "host_vars", "group_vars"
"""The directories with the variables of hosts and groups, next to an inventory or a playbook."""
NAME = "name"
EXAMPLE = "Write 'variable: name of the credential', or 'variable: {name: …, field: …}'."
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MARKS = ("{{", "{%", "{#")
_STRING = "tag:yaml.org,2002:str"


def find_credential_files(directory: str, name: str) -> list[str]:
    """Return the files of a group or host below `group_vars` or `host_vars`: `name.credentials`, then those in the directory `name`."""
    place = os.path.join(directory, name)
    found = [place + ENDING] if os.path.isfile(place + ENDING) else []
    for parent, folders, files in os.walk(place):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        found += [os.path.join(parent, file) for file in sorted(files) if file.endswith(ENDING) and not file.startswith(".")]
    return found


def read_credential_file(path: str) -> dict[str, str]:
    """Return the template of each variable in a file.

    Raises:
        InvalidConfiguration: the file cannot be read, or is wrong; the message has the line and the column.
    """
    try:
        root = yaml.compose(read_file(path, MIB).decode("utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, CredentialError) as error:
        raise describe_load_error(path, error, os.path.basename(path)) from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise _wrong(path, root, "it is no mapping of variables", EXAMPLE)
    templates: dict[str, str] = {}
    for key, value in root.value:
        variable = str(key.value)
        if key.tag != _STRING or not _VARIABLE.match(variable):
            raise _wrong(path, key, "{0} cannot be the name of a variable".format(ascii(variable)), "Use letters, digits and '_'.")
        if variable in templates:
            raise _wrong(path, key, "the variable '{0}' is there twice".format(variable), "Leave one of them out.")
        templates[variable] = _build_template(path, value, variable)
    return templates


def _build_template(path: str, node: yaml.Node, variable: str) -> str:
    """Return the template that reads the credential of a variable."""
    options = _read_options(path, node, variable)
    name, blocks = options.pop(NAME), list[str]()
    arguments = [_write(name, blocks), *("{0}={1}".format(option, _write(value, blocks)) for option, value in options.items())]
    return "".join(blocks) + "{{ lookup('nebula.credential.get', " + ", ".join(arguments) + ") }}"


def _read_options(path: str, node: yaml.Node, variable: str) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode) and node.tag == _STRING:
        return {NAME: _check(path, node, node.value)}
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(path, node, "the variable '{0}' has no name of a credential".format(variable), EXAMPLE)
    known = (NAME, *GET.argument_spec)
    for key, _value in node.value:
        if key.value not in known:
            closest = find_closest(str(key.value), known)
            remedy = "Did you mean '{0}'?".format(closest) if closest else "Use 'name', and options of the lookup 'get'."
            raise _wrong(path, key, "there is no option {0}".format(ascii(key.value)), remedy)
    try:
        options: dict[str, Any] = yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise describe_load_error(path, error, os.path.basename(path)) from None
    if not isinstance(options.get(NAME), str):
        raise _wrong(path, node, "the variable '{0}' has no 'name'".format(variable), EXAMPLE)
    named = next(value for key, value in node.value if key.value == NAME)
    return {**options, NAME: _check(path, named, options[NAME])}


def _check(path: str, node: yaml.Node, name: str) -> str:
    """Return the name. One with a template is checked when it is read."""
    if any(mark in name for mark in _MARKS):
        return name
    try:
        return check_name(name)
    except InvalidInput as error:
        raise _wrong(path, node, error.what, error.remedy) from None


def _write(value: Any, blocks: list[str]) -> str:
    """Return a value as an expression of Jinja. A text with templates becomes a block before it, in which they are resolved."""
    if isinstance(value, str) and any(mark in value for mark in _MARKS):
        name = "nebula_part_{0}".format(len(blocks))
        blocks.append("{% set " + name + " %}" + value + "{% endset %}")
        return name
    if isinstance(value, Mapping):
        return "{" + ", ".join("{0}: {1}".format(_quote(str(key)), _write(part, blocks)) for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_write(part, blocks) for part in value) + "]"
    return "none" if value is None else _quote(value)


def _quote(value: Any) -> str:
    """Return a text, number or truth value as Jinja reads it: it takes escapes as Python does, so two for one letter would stay two."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _wrong(path: str, node: yaml.Node, what: str, remedy: str) -> InvalidConfiguration:
    place = "{0}, line {1}, column {2}".format(path, node.start_mark.line + 1, node.start_mark.column + 1)
    return InvalidConfiguration("{0}: {1}".format(place, what), remedy=remedy)
