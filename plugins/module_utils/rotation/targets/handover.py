# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation hands to the driver about a target, as JSON: its options, and values. For the driver alone, shown nowhere."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value

_FIELDS = "fields"


def encode_fields(fields: Fields) -> Dict[str, str]:
    """Return fields as JSON takes them: bytes in base64."""
    return {name: base64.b64encode(field.expose()).decode("ascii") for name, field in fields.items()}


def decode_fields(encoded: Mapping[str, str]) -> Dict[str, Secret]:
    """Read what `encode_fields` returned."""
    return {name: Secret(base64.b64decode(field)) for name, field in encoded.items()}


def encode_value(value: Value) -> Dict[str, Any]:
    """Return a value as JSON takes it."""
    return {_FIELDS: encode_fields(value.fields), "identity": dict(value.identity), "primary": value.primary}


def decode_value(encoded: Mapping[str, Any]) -> Value:
    """Read what `encode_value` returned."""
    return Value(decode_fields(encoded[_FIELDS]), encoded["identity"], encoded["primary"])
