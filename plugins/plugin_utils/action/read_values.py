# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the action reads before the operation begins: from a file of the controller, or from a person at its terminal."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import keeps_existing
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking

LARGEST_FILE = 16 * MIB
FROM, PROMPT = "value_from", "prompt"


def read_values(parameters: Mapping[str, Any], has: Callable[[str], bool], read_file: Callable[[str], bytes]) -> dict[str, Any]:
    """Return the parameters with `value` in place of `prompt` and `value_from`, in `credentials` too.

    Args:
        parameters: validated ones of the module `credential`.
        has: returns True if there is a credential of a name. There is no prompt for a value that would not be used.
        read_file: returns the content of a file that a task names, decrypted.

    Raises:
        InvalidInput: there is no terminal, two entries differ, or a file cannot be read.
    """
    read = {**parameters, **_read_one(parameters, has, read_file)}
    if parameters.get("credentials"):
        read["credentials"] = [{**item, **_read_one(item, has, read_file)} for item in parameters["credentials"]]
    return read


def _read_one(item: Mapping[str, Any], has: Callable[[str], bool], read_file: Callable[[str], bytes]) -> dict[str, Any]:
    try:
        if item.get(FROM):
            return {FROM: None, **_read_file(item, read_file)}
        if item.get(PROMPT):
            is_kept = keeps_existing(item) and has(item["name"])
            return {PROMPT: None} if is_kept else {PROMPT: None, "value": _encode(item, _prompt(item["name"]))}
    except CredentialError as error:
        raise error.within(name=item.get("name")) from None
    return {}


def _read_file(item: Mapping[str, Any], read_file: Callable[[str], bytes]) -> dict[str, str]:
    """Return `value` with the bytes of the file, and `encoding` if they are not text."""
    path = item[FROM]["file"]
    try:
        content = read_file(path)
    except (AnsibleError, OSError, CredentialError):
        remedy = "Name a file of the controller, at most {0} MiB, that this user may read.".format(LARGEST_FILE // MIB)
        if not os.path.isabs(path):
            remedy += " A path that is not absolute is searched beside the playbook and the role, not in the current directory."
        raise InvalidInput("the file {0} cannot be read".format(ascii(path)), option="value_from.file", remedy=remedy) from None
    masking.register([Secret(content)])
    try:
        return {"value": _encode(item, content.decode("utf-8"))}
    except UnicodeDecodeError:
        if item.get("fields"):
            what = "the file {0} is not text, and 'fields' are".format(ascii(path))
            raise InvalidInput(what, option="value_from.file", remedy="Write the fields in a task of their own.") from None
        return {"value": base64.b64encode(content).decode("ascii"), "encoding": "base64"}


def _encode(item: Mapping[str, Any], text: str) -> str:
    """Return a text as the option `encoding` of the item says that its value is written."""
    return base64.b64encode(text.encode("utf-8")).decode("ascii") if item.get("encoding") == "base64" else text


def _prompt(name: str) -> str:
    """Return what a person enters, twice the same. It is not shown."""
    entered = [_prompt_once("{0} of credential '{1}': ".format(what, name)) for what in ("Value", "Again, value")]
    if entered[0] != entered[1]:
        raise InvalidInput("the two entries differ", option=PROMPT, remedy="Run it again.")
    masking.register([Secret(entered[0])])
    try:
        return entered[0].decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("what was entered is not UTF-8", option=PROMPT, remedy="Give the bytes in 'value', as base64.") from None


def _prompt_once(text: str) -> bytes:
    try:
        return bytes(Display().prompt_until(text, private=True))
    except AnsiblePromptNoninteractive:
        remedy = "Run it at a terminal, with 'run_once: true' for several hosts; or give the value in 'value'."
        raise InvalidInput("there is no terminal to prompt at", option=PROMPT, remedy=remedy) from None
    except AnsiblePromptInterrupt:
        raise InvalidInput("the prompt was interrupted", option=PROMPT, remedy="Run it again.") from None
