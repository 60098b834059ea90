# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Terraform's and OpenTofu's state, version 4: outputs and attributes of resources that it marks as sensitive.

An output is an entry of its name. A resource is an entry of its address, with its sensitive attributes as fields by their paths.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    make_distinct,
    make_found,
    read_object,
    read_text,
    refuse,
    show,
    take_list,
    take_object,
    take_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

ATTRIBUTES = "attributes"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **NAMING,
    ATTRIBUTES: {
        "description": "Attributes that are taken although the state does not mark them, as 'TYPE.ATTRIBUTE': 'random_password.result'.",
        "type": "list",
        "elements": "str",
    },
}
_MOST = 64 * MIB
_VERSION = 4
_REMEDY = "Write the state with 'terraform state pull', and name that file."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the sensitive outputs and resources of a state.

    Args:
        path: the file.
        options: `attributes` and `characters` (`OPTIONS`).

    Raises:
        InvalidInput: it is no such state, or one of another version.
        CredentialError: it cannot be read.
    """
    state = read_object(path, read_text(path, _MOST), "a state of Terraform", _REMEDY)
    if "encrypted_data" in state:
        refuse(path, "", "the state is encrypted", "Write it with 'tofu state pull', which decrypts it, and name that file.")
    if state.get("version") != _VERSION or isinstance(state["version"], bool) or "lineage" not in state:
        refuse(path, "version", "it is no state of version {0}".format(_VERSION), _REMEDY)
    more = frozenset(options.get(ATTRIBUTES) or ())
    entries = [*_read_outputs(path, state), *_read_resources(path, state, more)]
    return make_distinct(path, ((found, "") for found in entries), options)


def _read_outputs(path: str, state: Mapping[str, Any]) -> Iterator[Optional[Found]]:
    for name, written in take_object(path, state.get("outputs"), "outputs", _REMEDY).items():
        place = "outputs.{0}".format(show(name))
        output = take_object(path, written, place, _REMEDY)
        if output.get("sensitive") is True:
            yield make_found(path, place, name, _read_output(output.get("value")))


def _read_output(value: Any) -> Mapping[str, str]:
    """Return the fields of an output: those of an object that has no others in it, else one value."""
    if isinstance(value, dict) and all(isinstance(part, (str, int, float)) for part in value.values()):
        return {part: _write(each) for part, each in value.items()}
    return {"value": _write(value)}


def _read_resources(path: str, state: Mapping[str, Any], more: frozenset[str]) -> Iterator[Optional[Found]]:
    for number, written in enumerate(take_list(path, state.get("resources"), "resources", _REMEDY)):
        place = "resources[{0}]".format(number)
        resource = take_object(path, written, place, _REMEDY)
        address = _read_address(path, resource, place)
        extra = [each.partition(".")[2] for each in more if each.partition(".")[0] == resource.get("type")]
        for index, instance in enumerate(take_list(path, resource.get("instances"), place + ".instances", _REMEDY)):
            within = "{0}.instances[{1}]".format(place, index)
            yield _read_instance(path, take_object(path, instance, within, _REMEDY), address, within, extra)


def _read_address(path: str, resource: Mapping[str, Any], place: str) -> str:
    parts = {
        part: take_text(path, resource.get(part), "{0}.{1}".format(place, part), _REMEDY) for part in ("module", "mode", "type", "name")
    }
    if not parts["type"] or not parts["name"]:
        refuse(path, place, "a resource without type and name", _REMEDY)
    mode = "data" if parts["mode"] == "data" else ""
    return ".".join(part for part in (parts["module"], mode, parts["type"], parts["name"]) if part)


def _read_instance(path: str, instance: Mapping[str, Any], address: str, place: str, extra: Sequence[str]) -> Optional[Found]:
    if "deposed" in instance:
        return None
    attributes = take_object(path, instance.get("attributes"), place + ".attributes", _REMEDY)
    marked = take_list(path, instance.get("sensitive_attributes"), place + ".sensitive_attributes", _REMEDY)
    steps = [_read_steps(path, written, place + ".sensitive_attributes") for written in marked]
    steps += [[attribute] for attribute in extra if attribute in attributes]
    fields: Dict[str, str] = {}
    for taken in steps:
        value = _find_part(attributes, taken)
        if value is not None:
            fields[".".join(str(step) for step in taken)] = _write(value)
    key = instance.get("index_key")
    name = "{0}/{1}".format(address, key) if isinstance(key, (str, int)) else address
    return make_found(path, place + ".attributes", name, fields)


def _read_steps(path: str, written: Any, place: str) -> List[Any]:
    """Return the names and indices that lead to an attribute. The state writes each with its kind."""
    steps: List[Any] = []
    for step in take_list(path, written, place, _REMEDY):
        value = take_object(path, step, place, _REMEDY).get("value")
        if isinstance(value, dict):
            value = value.get("value")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            refuse(path, place, "a step that is neither a name nor a number", _REMEDY)
        steps.append(value)
    return steps


def _find_part(part: Any, steps: Sequence[Any]) -> Any:
    """Return what the steps lead to; None if there is nothing."""
    for step in steps:
        if isinstance(part, dict):
            part = part.get(step)
        elif isinstance(part, list) and isinstance(step, int) and 0 <= step < len(part):
            part = part[step]
        else:
            return None
    return part


def _write(value: Any) -> str:
    """Return text as it is, nothing as empty text, and everything else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
