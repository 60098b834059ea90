# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Web Tokens (C4): issued with a key of ours and reissued before they expire, or kept as another issuer wrote them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_public_texts,
    refresh_unsupported_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt import issuing, keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import read_time, read_token

TOKEN = "token"
JWKS = "jwks"
DEFAULT_ALGORITHM = "ES256"


class Jwt(CredentialType):
    """A signing key and the claims of its tokens, or one token of another issuer.

    `value` sets the key, and a rotation replaces it; `get` returns the token. The token of a key is the state of a refresh: a
    signature here, without any request. `jwks` can be read as a field: the public half of the key, for verifiers.
    """

    name = "jwt"
    description = "a signed JSON Web Token, reissued before it expires"
    primary = "key"
    capabilities = TypeCapabilities(refresh=True)
    packages = (keys.JOSERFC,)
    refresh_is_single_use = False
    fields = (
        Field("key", secret=True, description="The key that signs: PEM, a JWK, or a text for HS256, HS384 and HS512."),
        Field("token", secret=True, description="A token of another issuer, instead of a key."),
        Field("algorithm", choices=tuple(keys.ALGORITHMS), description="How the key signs."),
        Field("key_id", identifies=True, description="The C(kid) of the tokens; by default that of the JWK, else the key's thumbprint."),
        Field("issuer", description="The claim C(iss)."),
        Field("subject", identifies=True, description="The claim C(sub)."),
        Field("audience", description="The claim C(aud)."),
        Field("claims", mapping=True, description="Further claims."),
        Field("lifetime", description="How long each token is valid, for example C(1h)."),
    )

    def primary_of(self, fields: Fields) -> str:
        """Return `token` if the credential is one of another issuer, else `key`."""
        return TOKEN if TOKEN in find_values(fields) else self.primary

    def choose_field(self, fields: Fields) -> str:
        """Return `token`."""
        return TOKEN

    def is_secret(self, field: str) -> bool:
        """Return False for the public keys too."""
        return field != JWKS and super().is_secret(field)

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if there is a key to issue tokens with."""
        return TOKEN not in find_values(fields)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields. With a key, complete them by the defaults of `algorithm` and `lifetime`.

        Raises:
            InvalidInput: as `CredentialType.validate`; or there is neither a key nor a token, or both; the key does not fit the
                algorithm; the token is not the compact form of a signed one.
            MissingLibrary: there is a key, and joserfc is not installed.
        """
        complete = super().validate(fields)
        there = find_values(complete)
        if TOKEN in there:
            self._check_token(there)
            return complete
        if self.primary not in there:
            self.refuse("key", "is missing", "Give 'key', or 'token' if another issuer wrote it.")
        defaults = {"algorithm": DEFAULT_ALGORITHM, "lifetime": issuing.DEFAULT_LIFETIME}
        complete.update({name: Secret(value) for name, value in defaults.items() if name not in there})
        parts = read_public_texts(self, complete)
        issuing.read_signing_key(complete["key"].expose(), parts["algorithm"])
        issuing.read_lifetime(parts["lifetime"])
        issuing.build_claims(parts)
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the token that was issued last, or the JWK Set with the public key."""
        if field == JWKS:
            return Secret(json.dumps(self._public_set(fields)))
        if field == TOKEN and self.can_refresh(fields) and TOKEN not in state:
            raise NoToken("no token was issued yet", remedy="Leave out 'ttl' and 'expires_at': the field 'lifetime' sets the expiry.")
        return super().read(fields, state, field)

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return the time in the claim `exp` of another issuer's token. A key's first token is due at once."""
        found = find_values(fields).get(TOKEN)
        if found is None:
            return DUE_AT_ONCE
        return read_time(read_token(found.expose()).claims, "exp")

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new key for their algorithm.

        Raises:
            InvalidInput: an option is given, the algorithm is unknown, or the token is another issuer's.
        """
        given = sorted(name for name, value in options.items() if value is not None)
        if given:
            raise InvalidInput(
                "type 'jwt' has no option {0}".format(", ".join(given)), option="generate", remedy="Set 'algorithm' in 'fields'."
            )
        if not self.can_refresh(fields):
            self.refuse(TOKEN, "cannot be generated", "Get a new token from its issuer.")
        algorithm = read_public_texts(self, fields).get("algorithm", DEFAULT_ALGORITHM)
        if algorithm not in keys.ALGORITHMS:
            self.refuse("algorithm", "is none of the values allowed", "Use one of: {0}.".format(", ".join(keys.ALGORITHMS)))
        return dict(fields, key=Secret(keys.generate_key(algorithm)))

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return where the token of another issuer comes from."""
        return self.explain_restart(fields)

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Issue a token.

        Raises:
            RefreshUnsupported: the token is another issuer's.
            MissingLibrary: joserfc is not installed.
        """
        if not self.can_refresh(fields):
            raise refresh_unsupported_error(self, fields)
        parts = read_public_texts(self, fields)
        key = issuing.read_signing_key(fields["key"].expose(), parts["algorithm"])
        issued = issuing.issue_token(key, parts, datetime.now(timezone.utc))
        return RefreshAnswer({TOKEN: Secret(issued.token)}, issued.expires_at)

    def _check_token(self, there: Mapping[str, Secret]) -> None:
        others = sorted(set(there) - {TOKEN})
        if others:
            remedy = "The issuer of the token decides them. To issue tokens, write another credential with 'key'."
            raise InvalidInput("'token' is given with {0}".format(", ".join(others)), option="fields", remedy=remedy)
        try:
            token = read_token(there[TOKEN].expose())
            read_time(token.claims, "exp")
        except InvalidToken as problem:
            raise InvalidInput(problem.what, option="fields.token", remedy=problem.remedy) from None
        if token.header.get("alg") not in keys.ALGORITHMS:
            self.refuse(TOKEN, "is not signed with an algorithm that is accepted", "Accepted: {0}.".format(", ".join(keys.ALGORITHMS)))

    def _public_set(self, fields: Fields) -> Dict[str, Any]:
        if not self.can_refresh(fields):
            raise NoToken("the key of another issuer's token is not here", remedy="Get it from the issuer.")
        parts = read_public_texts(self, fields)
        key = issuing.read_signing_key(fields["key"].expose(), parts["algorithm"])
        if key.kind == keys.OCT:
            raise NoToken("a shared secret has no public half", remedy="Use an algorithm with two keys, for example ES256.")
        return keys.write_public_set(key, parts["algorithm"], issuing.find_key_id(key, parts.get("key_id")))
