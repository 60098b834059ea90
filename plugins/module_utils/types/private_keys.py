# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private keys that SSH and X.509 share, by `cryptography`, which is loaded when the first one is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey = Union[Ed25519PrivateKey, EllipticCurvePrivateKey, RSAPrivateKey]
    PublicKey = Union[Ed25519PublicKey, EllipticCurvePublicKey, RSAPublicKey]

ED25519, ECDSA, RSA = "ed25519", "ecdsa", "rsa"
ALGORITHMS = (ED25519, ECDSA, RSA)
SIZES: Mapping[str, Tuple[int, ...]] = {ED25519: (), ECDSA: (256, 384, 521), RSA: (3072, 4096, 8192)}
"""The sizes that are generated, in bits; the first one is the default. An Ed25519 key has one size."""

LEAST_RSA_BITS = 2048
"""A shorter key is refused, as OpenSSH and OpenSSL refuse it or warn of it."""


class KeyKind(NamedTuple):
    """The algorithm of a key, and its size in bits; None for Ed25519 and for the default."""

    algorithm: str
    bits: Optional[int] = None


def restore_lines(text: Secret) -> Secret:
    """Return the text of a key with line ends of Unix, and with its last one, which a lookup of a file takes away."""
    return Secret(text.expose().replace(b"\r\n", b"\n").strip() + b"\n")


def choose_kind(options: Mapping[str, Any], replaced: KeyKind, type_name: str) -> KeyKind:
    """Return the kind of a new key as the options of `generate` say.

    Args:
        options: `kind` (one of `ALGORITHMS`) and `bits`. What is not given is that of the key that is replaced.
        replaced: the kind of that key.
        type_name: the credential's type, for errors.

    Raises:
        InvalidInput: an option is unknown, there is no such algorithm, or it has no keys of that size.
    """
    given = {option: value for option, value in options.items() if value is not None}
    unknown = sorted(set(given) - {"kind", "bits"})
    if unknown:
        remedy = "Allowed for type '{0}': kind, bits.".format(type_name)
        raise _invalid_option("unknown: {0}".format(", ".join(unknown)), remedy)
    algorithm = str(given.get("kind", replaced.algorithm))
    if algorithm not in ALGORITHMS:
        raise _invalid_option("there is no kind {0}".format(ascii(algorithm)), "Use one of: {0}.".format(", ".join(ALGORITHMS)))
    sizes = SIZES[algorithm]
    bits = given.get("bits", replaced.bits if algorithm == replaced.algorithm and replaced.bits in sizes else None)
    if bits is not None and bits not in sizes:
        remedy = "Use one of: {0}.".format(", ".join(map(str, sizes))) if sizes else "Leave 'bits' out: these keys have one size."
        raise _invalid_option("there is no key of kind '{0}' with {1} bits".format(algorithm, bits), remedy)
    return KeyKind(algorithm, bits)


def make_key(kind: KeyKind) -> PrivateKey:
    """Return a new private key of a kind that `choose_kind` returned."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind.algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    bits = kind.bits or SIZES[kind.algorithm][0]
    if kind.algorithm == RSA:
        return rsa.generate_private_key(65537, bits)
    curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
    return ec.generate_private_key(curves[bits])


def read_private_key(text: bytes, passphrase: Optional[bytes], type_name: str) -> PrivateKey:
    """Read a private key in OpenSSH's format, or in PEM (PKCS#8, PKCS#1, SEC 1).

    Raises:
        InvalidInput: it is none, its passphrase is missing, wrong or not needed, or its algorithm is not one of `ALGORITHMS`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load: Any = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        key = load(text, password=passphrase)
    except TypeError:
        if passphrase is None:
            raise key_error(type_name, "is encrypted, and there is no passphrase", "Give 'passphrase' too.") from None
        what = "is not encrypted, and there is a passphrase"
        raise key_error(type_name, what, "Encrypt it with: ssh-keygen -p. Or leave 'passphrase' out.") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "cannot be read" if passphrase is None else "cannot be read with this passphrase"
        remedy = "Give a key in OpenSSH's format or in PEM, and the passphrase that it is encrypted with."
        raise key_error(type_name, what, remedy) from None
    describe_key(key, type_name)
    return key  # type: ignore[no-any-return]


def describe_key(key: PrivateKey, type_name: str) -> KeyKind:
    """Return the algorithm of a key and its size.

    Raises:
        InvalidInput: the algorithm is none of `ALGORITHMS`, or the key is too short.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return KeyKind(ED25519)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
        return KeyKind(RSA, key.key_size)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"):
        return KeyKind(ECDSA, key.key_size)
    what = "is neither an Ed25519 key, nor ECDSA on a NIST curve, nor RSA of {0} bits or more".format(LEAST_RSA_BITS)
    raise key_error(type_name, what, "Generate a key, or keep this one with type 'opaque'.")


def key_error(type_name: str, what: str, remedy: str) -> InvalidInput:
    """Return the error about the field `private_key` of a type. The key is not shown."""
    return InvalidInput("field 'private_key' of type '{0}' {1}".format(type_name, what), option="fields", remedy=remedy)


def _invalid_option(what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="generate", remedy=remedy)
