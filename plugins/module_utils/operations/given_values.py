# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values that a task gives, as YAML and templates have left them, as `Secret`.

YAML turns 0123 into 83 and yes into true before anything here can see it. So a number or a boolean is taken for what it is only where
the type has no secret (`CredentialType.check_given`); and a value that came out empty is refused unless that is meant.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import JSON, Secret, not_text_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import BASE64, TEXT

Given = Dict[str, Optional[Secret]]

NO_TERMINAL = "None"
"""What Ansible makes of a `vars_prompt` without a terminal: this text, as the value of the variable."""


def read_value(parameters: Mapping[str, Any]) -> Optional[Secret]:
    """Return the option `value`, as `encoding` and `allow_empty` say; None if it is not given.

    Raises:
        InvalidInput: it is not text, not base64, or empty.
    """
    for option in ("value_from", "prompt"):
        if parameters.get(option):
            # The edge reads it, and gives 'value' in its place.
            raise InvalidInput("the library reads no value by itself", option=option, remedy="Give it in 'value'.")
    value = parameters.get("value")
    if value is None:
        return None
    if not isinstance(value, str):
        raise not_text_error(value, "value")
    return _read_text(value, parameters, "value")


def read_fields(parameters: Mapping[str, Any]) -> Optional[Given]:
    """Return the option `fields`; None if it is not given. A field that is null has None for its value.

    Raises:
        InvalidInput: a field is neither text nor a number, a boolean or a mapping, not base64, or empty.
    """
    fields = parameters.get("fields")
    if fields is None:
        return None
    return {str(name): _read_field(value, parameters, "fields.{0}".format(name)) for name, value in fields.items()}


def _read_field(value: Any, parameters: Mapping[str, Any], option: str) -> Optional[Secret]:
    if value is None:
        return None
    if isinstance(value, str):
        return _read_text(value, parameters, option)
    if not isinstance(value, (bool, int, float, Mapping)) or _encoding_of(parameters) == BASE64:
        raise not_text_error(value, option)
    try:
        return Secret(json.dumps(value, allow_nan=False, sort_keys=True), JSON)
    except (TypeError, ValueError):
        raise not_text_error(value, option) from None


def _read_text(text: str, parameters: Mapping[str, Any], option: str) -> Secret:
    if text == NO_TERMINAL:
        what = "it is the text 'None', which Ansible makes of a vars_prompt without a terminal, and of a variable that is null"
        remedy = (
            "Give the value with -e, or 'prompt: true', which fails without a terminal. If it is the word, give it as base64: Tm9uZQ==."
        )
        raise InvalidInput(what, option=option, remedy=remedy)
    value = _decode(text, option) if _encoding_of(parameters) == BASE64 else _encode(text, option)
    if not value and not parameters.get("allow_empty"):
        remedy = "Check the variable or lookup that it comes from; or write 'allow_empty: true' if that is meant."
        raise InvalidInput("it is empty", option=option, remedy=remedy)
    return value


def _encode(text: str, option: str) -> Secret:
    try:
        return Secret(text)
    except InvalidInput:
        remedy = "Write the whole character, or give the bytes with 'encoding: base64'."
        raise InvalidInput("it holds half of a surrogate pair, which UTF-8 cannot write", option=option, remedy=remedy) from None


def _encoding_of(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("encoding") or TEXT)


def _decode(text: str, option: str) -> Secret:
    try:
        # Strictly: truncated or mistyped text is refused, not stored.
        return Secret(base64.b64decode("".join(text.split()).encode("ascii", "replace"), validate=True))
    except binascii.Error:
        raise InvalidInput("it is not base64", option=option, remedy="Encode it, or leave 'encoding' out.") from None
