# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of signatures (RFC 7517, RFC 7518 section 6), on joserfc. The type of a key decides which algorithms it may verify.

A shared secret is only ever read as one (`read_secret`, or a JWK that says `oct`), and a public key is never used as a secret.
"""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package, check_packages

JOSERFC = Package("joserfc >= 1.8", "joserfc")
MAX_KEYS = 256

OCT, RSA, EC, OKP = "oct", "RSA", "EC", "OKP"
LEAST_RSA_BITS = 2048
"""RFC 7518 sections 3.3 and 3.5."""


class Algorithm(NamedTuple):
    """The keys that an algorithm takes.

    Attributes:
        key_type: the `kty` of its keys.
        curves: their curves; empty if they have none. A new key gets the first.
        least_bits: the least size of a key.
    """

    key_type: str
    curves: Tuple[str, ...] = ()
    least_bits: int = 0


ALGORITHMS: Mapping[str, Algorithm] = {
    "HS256": Algorithm(OCT, least_bits=256),
    "HS384": Algorithm(OCT, least_bits=384),
    "HS512": Algorithm(OCT, least_bits=512),
    "RS256": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "RS384": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "RS512": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "PS256": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "PS384": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "PS512": Algorithm(RSA, least_bits=LEAST_RSA_BITS),
    "ES256": Algorithm(EC, ("P-256",)),
    "ES384": Algorithm(EC, ("P-384",)),
    "ES512": Algorithm(EC, ("P-521",)),
    "EdDSA": Algorithm(OKP, ("Ed25519", "Ed448")),
}
"""The algorithms of RFC 7518 section 3.1 and RFC 8037 section 3.1. `none` is not one of them."""

_REMEDY = "Give a PEM text, a JSON Web Key, or a set of them."
_ROCA_PRIMES: Tuple[int, ...] = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97),
    *(101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)


class SignatureKey(NamedTuple):
    """A key that signs or verifies.

    Attributes:
        native: the key of joserfc.
        kind: its `kty`.
        curve: its curve, or an empty text.
        bits: its size, of a secret or of RSA.
        parameters: the members of its JWK that limit its use: `kid`, `use`, `alg`, `key_ops`.
    """

    native: Any
    kind: str
    curve: str
    bits: int
    parameters: Mapping[str, Any]

    @property
    def is_private(self) -> bool:
        """Whether it can sign."""
        return bool(self.native.is_private)

    @property
    def key_id(self) -> str:
        """Its `kid`, else its thumbprint (RFC 7638)."""
        return str(self.parameters.get("kid") or self.native.thumbprint())

    def takes(self, name: str, operation: str = "verify") -> bool:
        """Return True if this key may be used with the algorithm `name`: by its type, curve and size, and by what its JWK says."""
        algorithm, limits = ALGORITHMS.get(name), self.parameters
        if algorithm is None or self.kind != algorithm.key_type or self.bits < algorithm.least_bits:
            return False
        if algorithm.curves and self.curve not in algorithm.curves:
            return False
        operations = limits.get("key_ops")
        return limits.get("use", "sig") == "sig" and limits.get("alg", name) == name and (operations is None or operation in operations)


def load_joserfc() -> Any:
    """Return joserfc's module `jwk`.

    Raises:
        MissingLibrary: it is not installed; the message has the install line.
    """
    check_packages((JOSERFC,))
    from joserfc import errors, jwk

    # Sizes are checked here, and EdDSA, which joserfc warns about since RFC 9864, is bound to its two curves.
    warnings.filterwarnings("ignore", category=errors.SecurityWarning)
    return jwk


def read_secret(value: bytes) -> SignatureKey:
    """Return a shared secret, for the algorithms HS256, HS384 and HS512.

    Raises:
        InvalidInput: it is the text of an asymmetric key.
    """
    if b"-----BEGIN" in value or value.startswith((b"ssh-", b"ecdsa-", b"{")):
        raise key_error("the secret is the text of a key", "Give such a key as a key, never as a shared secret.")
    return _build(OCT, value, {})


def read_keys(text: bytes) -> List[SignatureKey]:
    """Return the keys in a PEM text (a key or a certificate), a JWK or a JWK Set. Keys of unknown types are left out (RFC 7517 section 5).

    Raises:
        InvalidInput: there is none, one is damaged, two have the same `kid`, or secrets, private and public keys are mixed.
    """
    if b"-----BEGIN" in text:
        return [_read_pem(text)]
    try:
        found = read_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise key_error("the keys are neither PEM nor JSON")
    return _read_set(found["keys"]) if "keys" in found else [read_jwk(found)]


def read_jwk(found: Mapping[str, Any]) -> SignatureKey:
    """Return the key of a JWK.

    Raises:
        InvalidInput: it is damaged, or its type is unknown.
    """
    if found.get("kty") not in (OCT, RSA, EC, OKP):
        raise key_error("the type of a key is unknown")
    return _build(str(found["kty"]), dict(found), {name: found[name] for name in ("kid", "use", "alg", "key_ops") if name in found})


def generate_key(algorithm: str) -> str:
    """Return a new private key for an algorithm: PEM (PKCS8), or a random text for a shared secret."""
    import secrets

    jwk, wanted = load_joserfc(), ALGORITHMS[algorithm]
    if wanted.key_type == OCT:
        return secrets.token_urlsafe(wanted.least_bits // 8)
    shape: Any = wanted.curves[0] if wanted.curves else 3072
    return str(jwk.generate_key(wanted.key_type, shape).as_pem(private=True).decode("ascii"))


def write_public_set(key: SignatureKey, algorithm: str, key_id: str) -> Dict[str, Any]:
    """Return the JWK Set of a key's public half, which verifiers read."""
    return {"keys": [dict(key.native.as_dict(private=False), kid=key_id, alg=algorithm, use="sig")]}


def key_error(what: str, remedy: str = _REMEDY) -> InvalidInput:
    """Return the error for a key that cannot be used. The key is not shown."""
    return InvalidInput(what, remedy=remedy)


def _read_set(members: Any) -> List[SignatureKey]:
    if not isinstance(members, list) or len(members) > MAX_KEYS or not all(isinstance(member, dict) for member in members):
        raise key_error("the set of keys is not a list of at most {0} keys".format(MAX_KEYS))
    keys = [read_jwk(member) for member in members if member.get("kty") in (OCT, RSA, EC, OKP)]
    named = [key.parameters["kid"] for key in keys if "kid" in key.parameters]
    if not keys:
        raise key_error("the set holds no key of a known type")
    if any(named.count(name) > 1 for name in named):
        raise key_error("two keys of the set have the same 'kid'", "Give each key a 'kid' of its own.")
    if len({(key.kind == OCT, key.is_private) for key in keys}) > 1:
        raise key_error("the set mixes public keys with private ones or secrets", "Give public keys alone, or secrets alone.")
    return keys


def _read_pem(text: bytes) -> SignatureKey:
    jwk = load_joserfc()
    for kind, reader in ((RSA, jwk.RSAKey), (EC, jwk.ECKey), (OKP, jwk.OKPKey)):
        try:
            return _check(kind, reader.import_key(text), {})
        except InvalidInput:
            raise
        except Exception:  # noqa: BLE001, S112  # joserfc and cryptography raise errors of many classes, with texts of theirs
            continue
    raise key_error(
        "the PEM text is no key for signatures", "Give a key of RSA, of P-256, P-384 or P-521, or Ed25519, without a passphrase."
    )


def _build(kind: str, value: Any, parameters: Mapping[str, Any]) -> SignatureKey:
    jwk = load_joserfc()
    readers = {OCT: jwk.OctKey, RSA: jwk.RSAKey, EC: jwk.ECKey, OKP: jwk.OKPKey}
    try:
        # What limits the use of a key is checked by `takes`.
        members = value if isinstance(value, bytes) else {name: value[name] for name in value if name not in ("use", "key_ops", "alg")}
        native = readers[kind].import_key(members)
        raw = native.raw_value if kind == OCT else native.public_key
    except Exception:  # noqa: BLE001  # as above
        raise key_error("a key is damaged, or unsuitable as what it says it is") from None
    return _check(kind, native, parameters) if raw else _refuse_empty()


def _check(kind: str, native: Any, parameters: Mapping[str, Any]) -> SignatureKey:
    bits, curve = 0, str(native.curve_name) if kind in (EC, OKP) else ""
    if kind == OCT:
        bits = len(native.raw_value) * 8
    if kind == RSA:
        numbers = native.public_key.public_numbers()
        bits = numbers.n.bit_length()
        if numbers.e < 3 or numbers.e % 2 == 0 or _is_roca(numbers.n):
            raise key_error("an RSA key is weak", "Make another one.")
    return SignatureKey(native, kind, curve, bits, _check_limits(parameters))


def _check_limits(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in parameters.items():
        if not (_is_texts(value) if name == "key_ops" else isinstance(value, str)):
            raise key_error("member '{0}' of a key is not what RFC 7517 says".format(name))
    return parameters


def _is_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(each, str) for each in value)


def _refuse_empty() -> SignatureKey:
    raise key_error("a key is empty")


def _is_roca(modulus: int) -> bool:
    """Return True for a modulus of the form that one library made, which can be factored (CVE-2017-15361)."""
    return all(any(pow(65537, power, prime) == modulus % prime for power in range(prime)) for prime in _ROCA_PRIMES)
