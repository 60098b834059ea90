# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of a signed JSON Web Token (RFC 7519): header, claims and signature, read strictly. It verifies nothing."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken

MAX_BYTES = 64 * 1024
"""The longest token that is read."""

_PART = re.compile(r"[A-Za-z0-9_-]*\Z")
_REMEDY = "Give the compact form of a signed token: three parts of base64url with a dot between them."
_LATEST = 253402300799
"""The last second that a date can have, 9999-12-31."""


class CompactToken(NamedTuple):
    """The parts of a token in the compact form (RFC 7515 section 7.1).

    Attributes:
        header: the protected header.
        payload: the bytes that are signed; the claims as JSON.
    """

    header: Mapping[str, Any]
    payload: bytes

    @property
    def claims(self) -> Dict[str, Any]:
        """The claims.

        Raises:
            InvalidToken: the payload is no JSON object, or names a claim twice.
        """
        return _read_object(self.payload, "its claims are")


def read_token(text: bytes) -> CompactToken:
    """Return the parts of a token, without any check of its signature.

    Raises:
        InvalidToken: it is longer than `MAX_BYTES`, or not the compact form of a signed token. The text is not shown.
    """
    if len(text) > MAX_BYTES:
        raise not_accepted("it is longer than {0} bytes".format(MAX_BYTES))
    parts = text.split(b".")
    if len(parts) != 3:
        raise not_accepted("it has {0} parts, not 3".format(len(parts)))
    decoded = [_decode(part) for part in parts]
    return CompactToken(_read_object(decoded[0], "its header is"), decoded[1])


def read_time(claims: Mapping[str, Any], name: str) -> Optional[datetime]:
    """Return the time in a claim (aware, UTC); None if there is no such claim.

    Raises:
        InvalidToken: the claim is no NumericDate (RFC 7519 section 2).
    """
    value = claims.get(name)
    if name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
        raise not_accepted("claim '{0}' is not a time in seconds since 1970".format(name))
    return datetime.fromtimestamp(value, timezone.utc)


def not_accepted(what: str, remedy: str = _REMEDY) -> InvalidToken:
    """Return the error for a token that is not accepted."""
    return InvalidToken("the token is not accepted: {0}".format(what), remedy=remedy)


def _decode(part: bytes) -> bytes:
    """Return the bytes of one part. Each has exactly one form (RFC 7515 section 2): no padding, no other character, no unused bit set."""
    text = part.decode("latin-1")
    if not _PART.match(text) or len(text) % 4 == 1:
        raise not_accepted("a part is not base64url")
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(decoded) != text:
        raise not_accepted("a part is not base64url")
    return decoded


def encode_base64url(value: bytes) -> str:
    """Return base64url without padding (RFC 7515 appendix C)."""
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _read_object(text: bytes, which: str) -> Dict[str, Any]:
    try:
        found = read_json(text)
        json.loads(text.decode("utf-8"), object_pairs_hook=_refuse_repeats)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise not_accepted("{0} not a JSON object with each name once".format(which))
    return found


def _refuse_repeats(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    # RFC 7519 section 4: readers that took different ones of two equal names would disagree about what the token says.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found
