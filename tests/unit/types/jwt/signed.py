# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and tokens that tests make."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import encode_base64url
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import generate_key, load_joserfc, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)
SECOND = int(NOW.timestamp())


def build_fields(**fields):
    """The stored fields of a credential of the type, with a new key if none is given."""
    kind = type_named("jwt", {})
    given = {name: Secret(value) for name, value in fields.items()}
    return kind.validate(given if "key" in given else kind.generate({}, given))


def sign(key, claims, algorithm="ES256", **header):
    """A token with any claims (text, bytes or a mapping), signed with a PEM key."""
    load_joserfc()
    from joserfc import jws

    payload = claims if isinstance(claims, (str, bytes)) else json.dumps(claims)
    native = read_keys(key.encode())[0].native
    return jws.serialize_compact(dict(header, alg=algorithm), payload, native, algorithms=[algorithm]).encode()


def build_unsigned(header, claims, signature=b""):
    """A token of any parts."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(map(encode_base64url, parts)).encode()


def new_key(algorithm="ES256"):
    """A private key as PEM, and its public half as a JWK."""
    private = generate_key(algorithm)
    return private, read_keys(private.encode())[0].native.as_dict(private=False)
