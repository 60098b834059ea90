# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`set`, `edit` and `restore`: what changes a credential. A value comes from a prompt, from standard input or from an editor."""

from __future__ import annotations

import base64
import getpass
import json
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL, RESTORED
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.command.editor import edit_text
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation, read_pairs
from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import describe
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import describe_change, note, write_json

_OPERATION = "credential"
MOST_BYTES = 64 * 1024 * 1024


def set_credential(invocation: Invocation) -> int:
    """Create a credential, or give it another value.

    Raises:
        NotFound: its value is to be kept, and there is none of that name.
    """
    given = invocation.arguments
    if given.keep_value:
        describe(invocation, given.name)  # without a value to keep, one would be generated
    arguments: dict[str, Any] = {
        "name": given.name,
        "type": given.type,
        "description": given.description,
        "tags": read_pairs(given.tag, "--tag") or None,
        "ttl": given.ttl,
        "expires_at": given.expires_at,
        "expected_version": given.expected_version,
        "allow_empty": given.allow_empty,
        "scope": invocation.scope if any(invocation.scope.values()) else None,
        **_read_given(given),
    }
    return _write(invocation, arguments, given.check)


def _read_given(given: Any) -> dict[str, Any]:
    """Return what the command line says of the value: where to get it, or how to make it."""
    if given.generate is not None:
        kind, _comma, rest = given.generate.partition(",")
        return {"generate": {"kind": kind, **read_pairs([each for each in rest.split(",") if each], "--generate")}}
    if given.keep_value:
        return {}
    if given.fields:
        return {"fields": _read_mapping()}
    if len(given.field or ()) > 1 and not sys.stdin.isatty():
        raise InvalidInput("standard input is one value", option="--field", remedy="Give --fields, and send a JSON object.")
    if given.field:
        values = {field: _read_value(field, given.keep_newline) for field in given.field}
        return {"fields": {field: value["value"] for field, value in values.items()}, **_read_encoding(values)}
    return _read_value("value", given.keep_newline)


def _read_encoding(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return next(({"encoding": value["encoding"]} for value in values.values() if "encoding" in value), {})


def _read_value(label: str, keep_newline: bool) -> dict[str, Any]:
    """Return a value from the terminal, where it is written twice and not shown, or the whole of standard input.

    Raises:
        InvalidInput: the two texts differ, or it is too long.
    """
    if sys.stdin.isatty():
        first = getpass.getpass("{0}: ".format(label))
        if first != getpass.getpass("{0} (again): ".format(label)):
            raise InvalidInput("the two texts differ", remedy="Nothing was written. Repeat it.")
        return {"value": first}
    content = _read_input()
    if not keep_newline:
        content = content.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return {"value": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"value": base64.b64encode(content).decode("ascii"), "encoding": "base64"}


def _read_mapping() -> dict[str, Any]:
    if sys.stdin.isatty():
        raise InvalidInput("it reads standard input, which is a terminal", option="--fields", remedy="Send a JSON object, or use --field.")
    try:
        fields = json.loads(_read_input())
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput("standard input is no JSON object", option="--fields", remedy='Send for example {"username": "app"}.')
    return fields


def _read_input() -> bytes:
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidInput("standard input has more than {0} MiB".format(MOST_BYTES // 1024 // 1024), remedy="Store a smaller value.")
    return content


def edit(invocation: Invocation) -> int:
    """Open the fields of a credential in the user's editor, and write those that were changed.

    The write expects the version that was opened, so it cannot undo what somebody else wrote meanwhile.
    """
    given = invocation.arguments
    found = invocation.perform("get", {"name": given.name, "fields": True}).result
    fields: Mapping[str, str] = found["value"]
    single = next(iter(fields)) if len(fields) == 1 else None
    before = fields[single] if single is not None else _write_yaml(fields)
    after = edit_text(before, "txt" if single is not None else "yml")
    if single is not None:
        # Most editors end the last line.
        changed: dict[str, Any] = {single: after if before.endswith("\n") else after.removesuffix("\n")}
    else:
        changed = _read_yaml(after)
    differing = {field: value for field, value in changed.items() if value != fields.get(field)}
    differing.update((field, None) for field in fields if field not in changed)
    if not differing:
        note("{0}: nothing was changed".format(given.name))
        return OK
    arguments = {"name": given.name, "fields": differing, "expected_version": found["version"], "allow_empty": given.allow_empty}
    return _write(invocation, arguments, False)


def _write_yaml(fields: Mapping[str, str]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as such, and quotes those with a line break that YAML would read as another one."""

    def represent(dumper: Any, text: str) -> Any:
        # PyYAML reads U+0085 as a line break, unless it is escaped.
        style = '"' if "\x85" in text else "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return str(yaml.dump(dict(fields), Dumper=Dumper, sort_keys=True, allow_unicode=True, width=1 << 20))


def _read_yaml(text: str) -> dict[str, Any]:
    """Return the fields that were edited.

    Raises:
        InvalidInput: it is no mapping of names to texts. The text is not shown.
    """
    import yaml

    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InvalidInput("what was edited is not YAML", remedy="Nothing was written. Write 'field: value', with quotes.") from None
    if not isinstance(fields, dict) or not fields:
        raise InvalidInput("what was edited is no mapping", remedy="Nothing was written. Write 'field: value' in each line.")
    for field, value in fields.items():
        if not isinstance(field, str) or not isinstance(value, str):
            what = "the field {0} is no text".format(ascii(field))
            raise InvalidInput(what, remedy="Nothing was written. Put the value into quotes.")
    return fields


def restore(invocation: Invocation) -> int:
    """Make an older version the newest one."""
    given = invocation.arguments
    return _write(invocation, {"name": given.name, "state": RESTORED, "version": given.version}, given.check)


def _write(invocation: Invocation, arguments: Mapping[str, Any], check: bool) -> int:
    result = invocation.perform_module(_OPERATION, CREDENTIAL, arguments, check).result
    if invocation.arguments.json:
        write_json({name: value for name, value in result.items() if name != "diff"})
    else:
        note(describe_change(result) + (" (not written: --check)" if check else ""))
    return OK
