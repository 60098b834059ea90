# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.deploy` accepts."""

from __future__ import annotations

import shlex
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import ArgumentSpec, Specification, scope_options
from ansible_collections.nebula.credential.plugins.module_utils.encoding.file_formats import FORMATS, INI
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

FILES = "files"
PRESENT, ABSENT = "present", "absent"
TEXT, PEM, PKCS12, SYSTEMD = "text", "pem", "pkcs12", "systemd"
CREDENTIAL, VALUES, TEMPLATE = SOURCES = ("credential", "values", "template")
"""Where the content of a file comes from: one of these."""
_ONE_VALUE = (TEXT, PEM, PKCS12, SYSTEMD)
_OF_A_CREDENTIAL = ("field", "fields", "version")
_MODE = "0600"
_MOST_OF_MODE = 0o777


def _file_options() -> ArgumentSpec:
    return {
        "dest": {"type": "str"},
        "state": {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT},
        "credential": {"type": "str"},
        "field": {"type": "str"},
        "fields": {"type": "list", "elements": "str"},
        "version": {"type": "str"},
        "values": {"type": "dict", "no_log": True},
        "template": {"type": "str"},
        "format": {"type": "str", "choices": [TEXT, *FORMATS, PEM, PKCS12, SYSTEMD]},
        "section": {"type": "str"},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "mode": {"type": "raw", "default": _MODE},
        "validate": {"type": "str"},
    }


def store_choice() -> ArgumentSpec:
    """Return the options of the store, for a module whose store is always opened on the controller."""
    return {"store": {"type": "raw"}, "scope": {"type": "dict", "options": scope_options()}}


def list_files(parameters: Mapping[str, Any]) -> Dict[str, Mapping[str, Any]]:
    """Return the files of a task by their places in it: those of `files`, or the one that the task's own options describe (empty place).

    Raises:
        InvalidInput: there is none, or both are given.
    """
    options = _file_options()
    own = [name for name, option in options.items() if parameters.get(name) not in (None, option.get("default"))]
    if parameters.get(FILES) is None:
        return {"": {name: parameters.get(name) for name in options}}
    if own:
        raise InvalidInput("'{0}' describes one file".format(own[0]), option=FILES, remedy="Write it in an element of 'files'.")
    if not parameters[FILES]:
        raise InvalidInput("it is empty", option=FILES, remedy="Describe one file or more.")
    return {"files[{0}]".format(number): file for number, file in enumerate(parameters[FILES])}


def check_files(parameters: Mapping[str, Any]) -> None:
    """Check each file of a task.

    Raises:
        InvalidInput: options are missing, exclude each other, or have no use; or two files have one destination.
    """
    places: Dict[str, str] = {}
    for place, file in list_files(parameters).items():
        _check_dest(file.get("dest"), _name(place, "dest"))
        if file["dest"] in places:
            remedy = "Describe each file once."
            raise InvalidInput("{0} is described twice".format(ascii(file["dest"])), option=_name(place, "dest"), remedy=remedy)
        places[file["dest"]] = place
        if file["state"] == ABSENT:
            _refuse(file, place, [name for name in file if name not in ("dest", "state", "mode")], "a file with 'state: absent'")
            continue
        _check_source(file, place)
        parse_mode(file["mode"], _name(place, "mode"))
        if file.get("validate") is not None:
            _check_command(file["validate"], _name(place, "validate"))


def _check_command(command: str, option: str) -> None:
    what = "" if command.count("%s") == 1 else "it does not have one '%s', which stands for the new file"
    try:
        shlex.split(command)
    except ValueError:
        what = "it has a quote that does not end"
    if what:
        raise InvalidInput(what, option=option, remedy="For example: validate: visudo -cf %s")


def parse_mode(written: Any, option: str = "mode") -> int:
    """Return a file's mode.

    Raises:
        InvalidInput: it is no text of octal digits, or has more than the bits for reading, writing and executing.
    """
    remedy = "Write it as text with a zero at the beginning, for example '0600'."
    if not isinstance(written, str):
        # YAML 1.1 reads 0600 as 384, and 600 as another mode.
        raise InvalidInput("it is not text", option=option, remedy=remedy)
    try:
        mode = int(written, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= _MOST_OF_MODE:
        raise InvalidInput("{0} is not a mode of 0777 at most, in octal digits".format(ascii(written)), option=option, remedy=remedy)
    return mode


def choose_format(file: Mapping[str, Any]) -> str:
    """Return the format of a file."""
    return str(file.get("format") or TEXT)


def _name(place: str, option: str) -> str:
    return "{0}.{1}".format(place, option) if place else option


def _check_dest(dest: Optional[str], option: str) -> None:
    if not dest:
        raise InvalidInput("it is missing", option=option, remedy="Name the file on the host.")
    if not dest.startswith("/") or dest.endswith("/") or ".." in dest.split("/") or "\0" in dest:
        what = "{0} is not the absolute path of a file".format(ascii(dest))
        raise InvalidInput(what, option=option, remedy="Write it from '/' to the file's own name, without '..'.")


def _check_source(file: Mapping[str, Any], place: str) -> None:
    given = [source for source in SOURCES if file.get(source) is not None]
    if len(given) != 1:
        what = "{0} are given".format(" and ".join(map(ascii, given))) if given else "nothing says what is in the file"
        raise InvalidInput(what, option=place or None, remedy="Name one of 'credential', 'values' and 'template'.")
    source, kind = given[0], choose_format(file)
    if source != CREDENTIAL:
        _refuse(file, place, _OF_A_CREDENTIAL, "'{0}'".format(source))
    if file.get("field") is not None and file.get("fields") is not None:
        raise InvalidInput("'field' is given, too", option=_name(place, "fields"), remedy="Write one of them.")
    if kind in _ONE_VALUE:
        _refuse(file, place, ("fields",), "the format '{0}'".format(kind))
    else:
        _refuse(file, place, ("field", "template"), "the format '{0}'".format(kind))
    if source == VALUES and kind in _ONE_VALUE:
        what = "several values make no file of the format '{0}'".format(kind)
        raise InvalidInput(what, option=_name(place, "format"), remedy="Write one of: {0}.".format(", ".join(FORMATS)))
    if source == TEMPLATE and kind in (PEM, PKCS12):
        raise InvalidInput("a template makes no '{0}'".format(kind), option=_name(place, "format"), remedy="Name a credential.")
    if kind != INI:
        _refuse(file, place, ("section",), "the format '{0}'".format(kind))
    elif not file.get("section") or set(file["section"]) & set("[]\r\n"):
        raise InvalidInput("it is missing, or has a bracket", option=_name(place, "section"), remedy="Name the section of the file.")


def _refuse(file: Mapping[str, Any], place: str, names: Any, where: str) -> None:
    """Raise InvalidInput if the file has one of these options, which have no use there."""
    for name in names:
        if file.get(name) is not None:
            raise InvalidInput("it has no use with {0}".format(where), option=_name(place, name), remedy="Leave it out.")


DEPLOY = Specification(
    argument_spec=dict(
        _file_options(),
        **store_choice(),
        record={"type": "bool", "default": True},
        files={"type": "list", "elements": "dict", "options": _file_options()},
    ),
    check=check_files,
)
