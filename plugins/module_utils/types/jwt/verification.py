# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifying a token: its signature (RFC 7515 section 5.2), then its claims (RFC 7519 section 4.1), by the rules of RFC 8725."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import (
    MAX_BYTES,
    CompactToken,
    not_accepted,
    read_time,
    read_token,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, SignatureKey, load_joserfc

SKEW = 30
"""Seconds by which the clocks of issuer and verifier may differ, where nothing else is said."""
MAX_SKEW = 300

_NOT_OURS = "Use the key, the issuer and the audience that the token was made for, or get a new token."


class UnknownKey(InvalidToken):
    """The token names a key that is not in the set. The issuer may have a newer set."""


@dataclass(frozen=True)
class Expectation:
    """What a token has to say.

    Attributes:
        algorithms: the algorithms that are accepted; each only with keys of its type.
        issuer: what `iss` has to be; None if any issuer is accepted.
        audiences: names of the verifier, one of which has to be in `aud`. A token that has `aud` is refused if this is empty.
        skew: seconds by which clocks may differ.
        requires_expiry: whether a token without `exp` is refused.
    """

    algorithms: Tuple[str, ...] = tuple(ALGORITHMS)
    issuer: Optional[str] = None
    audiences: Tuple[str, ...] = ()
    skew: int = SKEW
    requires_expiry: bool = True


def verify_token(text: bytes, keys: Sequence[SignatureKey], expected: Expectation, now: datetime) -> Dict[str, Any]:
    """Return the claims of a token that `keys` verify and that says what is expected.

    Args:
        text: the token in the compact form.
        keys: the keys that may have signed it.
        expected: what it has to say.
        now: the time to compare with (aware).

    Raises:
        InvalidToken: it is not accepted; the message says why, and shows no part of it.
        UnknownKey: it names a key that is not among `keys`.
    """
    claims = verify_signature(text, keys, expected.algorithms).claims
    _check_times(claims, expected, now)
    if expected.issuer is not None and claims.get("iss") != expected.issuer:
        raise not_accepted("claim 'iss' names another issuer, or none", _NOT_OURS)
    _check_audience(claims, expected.audiences)
    return claims


def verify_signature(text: bytes, keys: Sequence[SignatureKey], algorithms: Sequence[str] = tuple(ALGORITHMS)) -> CompactToken:
    """Return the parts of a token that one of `keys` has signed.

    Raises:
        InvalidToken, UnknownKey: as `verify_token`.
    """
    token = read_token(text)
    algorithm = token.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or algorithm not in algorithms:
        raise not_accepted("its algorithm is not among those allowed", "Allowed: {0}.".format(", ".join(algorithms)))
    if "crit" in token.header or "b64" in token.header:
        raise not_accepted("its header demands an extension")
    key = _choose_key(token.header, algorithm, keys)
    if not _is_signed(text, key, algorithm):
        raise not_accepted("its signature does not match", _NOT_OURS)
    return token


def _choose_key(header: Mapping[str, Any], algorithm: str, keys: Sequence[SignatureKey]) -> SignatureKey:
    """Return the one key that the header names, if it may verify the algorithm. A key without a `kid` is meant by any name."""
    wanted = header.get("kid")
    if wanted is not None and not isinstance(wanted, str):
        raise not_accepted("'kid' in its header is not a text")
    named: List[SignatureKey] = [key for key in keys if wanted is None or key.parameters.get("kid", wanted) == wanted]
    if not named:
        raise UnknownKey("the token is not accepted: it names a key that is not known", remedy=_NOT_OURS)
    fitting = [key for key in named if key.takes(algorithm)]
    if not fitting:
        raise not_accepted("its algorithm {0} does not fit the key".format(algorithm), _NOT_OURS)
    if len(fitting) > 1:
        raise not_accepted("it does not say which one of {0} keys signed it".format(len(fitting)), "Give the key itself.")
    return fitting[0]


def _is_signed(text: bytes, key: SignatureKey, algorithm: str) -> bool:
    load_joserfc()
    from joserfc import jws

    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = MAX_BYTES
    try:
        jws.deserialize_compact(text, key.native, registry=registry)
    except Exception:  # noqa: BLE001  # whatever the library cannot verify is not verified; its text may quote the token
        return False
    return True


def _check_times(claims: Mapping[str, Any], expected: Expectation, now: datetime) -> None:
    ends, begins, skew = read_time(claims, "exp"), read_time(claims, "nbf"), timedelta(seconds=expected.skew)
    read_time(claims, "iat")
    if ends is None and expected.requires_expiry:
        raise not_accepted("it never expires", "Accept only tokens with 'exp', or say that none is needed.")
    if ends is not None and now - skew >= ends:
        raise not_accepted("it has expired", "Get a new token, and compare the clocks.")
    if begins is not None and now + skew < begins:
        raise not_accepted("it is not valid yet", "Compare the clocks.")


def _check_audience(claims: Mapping[str, Any], audiences: Sequence[str]) -> None:
    """RFC 7519 section 4.1.3: a verifier that is not named in `aud` rejects the token."""
    if "aud" not in claims and not audiences:
        return
    found = claims.get("aud")
    names = found if isinstance(found, list) else [found]
    if not all(isinstance(name, str) for name in names):
        raise not_accepted("claim 'aud' names no audience", _NOT_OURS)
    if not set(names) & set(audiences):
        raise not_accepted("claim 'aud' names another audience", _NOT_OURS)
