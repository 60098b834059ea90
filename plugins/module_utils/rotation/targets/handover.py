# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON forms in which an operation and a driver exchange values, and what the service made or holds.

Only these two read them; they are shown nowhere.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Held, Made, Value

_FIELDS = "fields"


def encode_fields(fields: Fields) -> Dict[str, str]:
    """Return fields in their JSON form: bytes in base64."""
    return {name: base64.b64encode(field.expose()).decode("ascii") for name, field in fields.items()}


def decode_fields(encoded: Mapping[str, str]) -> Dict[str, Secret]:
    """Read what `encode_fields` returned."""
    return {name: Secret(base64.b64decode(field)) for name, field in encoded.items()}


def encode_value(value: Value) -> Dict[str, Any]:
    """Return a value in its JSON form."""
    return {_FIELDS: encode_fields(value.fields), "identity": dict(value.identity), "primary": value.primary}


def decode_value(encoded: Mapping[str, Any]) -> Value:
    """Read what `encode_value` returned."""
    return Value(decode_fields(encoded[_FIELDS]), encoded["identity"], encoded["primary"])


def encode_made(made: Made) -> Dict[str, Any]:
    """Return what a service made in its JSON form."""
    return {"outcome": made.outcome, "value": None if made.value is None else encode_value(made.value)}


def decode_made(encoded: Optional[Mapping[str, Any]]) -> Optional[Made]:
    """Read what `encode_made` returned. None remains None."""
    if encoded is None:
        return None
    value = encoded["value"]
    return Made(encoded["outcome"], None if value is None else decode_value(value))


def encode_held(held: Mapping[str, Held]) -> Dict[str, Any]:
    """Return what a service holds in its JSON form."""
    return {name: asdict(each) for name, each in held.items()}


def decode_held(encoded: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Held]]:
    """Read what `encode_held` returned. None remains None."""
    return None if encoded is None else {name: Held(**each) for name, each in encoded.items()}
