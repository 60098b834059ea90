# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key stores of a key and its certificates: PKCS#12 (RFC 7292) by `cryptography`, and Java's own format (JKS) by `keytool`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, run_program
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, NoToken, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import create_exclusively
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error, is_of_key, sort_chain

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey

PKCS12, JKS = "pkcs12", "jks"
FORMS = (PKCS12, JKS)

_PASSPHRASE = "NEBULA_CREDENTIAL_KEYSTORE_PASSPHRASE"
_KEYTOOL_SECONDS = 60.0
_LARGEST = 4 * 1024 * 1024
"""Bytes of a key store that `keytool` has written."""
_SHORTEST = 6
"""Java takes no shorter passphrase."""


class KeyStore(NamedTuple):
    """What a key store holds: a key, its certificate, and those above it in the order of signing."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: Tuple[x509.Certificate, ...]


def write_key_store(form: str, store: KeyStore, alias: str, passphrase: bytes) -> bytes:
    """Return a key store. Each call returns other bytes, because the salts are random.

    Args:
        form: one of `FORMS`. PKCS#12 is encrypted with AES-256.
        store: what it shall hold.
        alias: the name of the entry.
        passphrase: what it is encrypted with.

    Raises:
        NoToken: `keytool` does not take the passphrase, or the key.
        MissingLibrary: there is no `keytool`.
        Timeout: `keytool` did not end in time.
    """
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    encryption = BestAvailableEncryption(passphrase)
    written = pkcs12.serialize_key_and_certificates(alias.encode("utf-8"), store.key, store.certificate, list(store.chain), encryption)
    if form == PKCS12:
        return written
    converted = _convert(written, PKCS12, JKS, passphrase)
    if converted is None:
        remedy = "Ed25519 keys need Java 15. Or read 'pkcs12': every Java since 8 takes it."
        raise NoToken("keytool cannot write this key store", remedy=remedy)
    return converted


def read_key_store(form: str, content: bytes, passphrase: Optional[bytes]) -> KeyStore:
    """Return what a key store holds.

    Args:
        form: one of `FORMS`.
        content: its bytes.
        passphrase: what it, and in JKS the key too, is encrypted with.

    Raises:
        InvalidInput: it is none, the passphrase is wrong or missing, or it does not hold one key with its certificate.
        NoToken, MissingLibrary, Timeout: as `write_key_store`.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        readable = _convert(content, JKS, PKCS12, passphrase or b"") if form == JKS else content
        key, certificate, others = pkcs12.load_key_and_certificates(readable or b"", passphrase)
    except (NoToken, MissingLibrary, Timeout):
        raise
    except Exception:  # noqa: BLE001  # ValueError, UnsupportedAlgorithm, and others for damaged parts
        raise field_error(form, "cannot be read with 'keystore_passphrase'", "Give the file in base64, and its passphrase.") from None
    return _build_store(form, key, certificate, others)


def _build_store(form: str, key: object, certificate: Optional[x509.Certificate], others: Sequence[x509.Certificate]) -> KeyStore:
    if key is None or certificate is None or not is_of_key(certificate, key.public_key()):  # type: ignore[attr-defined]
        raise field_error(form, "does not hold a private key with its certificate", "Export the entry of the key with its chain.")
    chain = sort_chain(certificate, others)
    if chain is None:
        raise field_error(form, "holds certificates that are no chain of the key's", "Export the entry of the key alone.")
    return KeyStore(key, certificate, tuple(chain))  # type: ignore[arg-type]  # the type of the key is checked with the field


def _convert(content: bytes, form: str, wanted: str, passphrase: bytes) -> Optional[bytes]:
    """Return a key store in another form; None if `keytool` refuses it. The files that it needs are encrypted, and removed at once."""
    import shutil
    import tempfile

    program = shutil.which("keytool")
    if program is None:
        remedy = "Install a Java runtime (Debian: default-jre-headless), or use 'pkcs12', which Java takes too."
        raise MissingLibrary("the program keytool is not installed", remedy=remedy)
    if len(passphrase) < _SHORTEST or not all(32 <= byte < 127 for byte in passphrase):
        raise NoToken(
            "'keystore_passphrase' is not {0} or more characters of ASCII".format(_SHORTEST), remedy="Java needs such a one for JKS."
        )
    with tempfile.TemporaryDirectory() as directory:
        source, target = os.path.join(directory, form), os.path.join(directory, wanted)
        create_exclusively(source, content)
        if not _run_keytool(program, source, form, target, wanted, passphrase):
            return None
        return read_file(target, _LARGEST)


def _run_keytool(program: str, source: str, form: str, target: str, wanted: str, passphrase: bytes) -> bool:
    """Return True if it did its work. The passphrase is in its environment, which other users cannot read."""
    argv = [program, "-importkeystore", "-noprompt"]
    for end, path, kind in (("src", source, form), ("dest", target, wanted)):
        argv += ["-{0}keystore".format(end), path, "-{0}storetype".format(end), kind, "-{0}storepass:env".format(end), _PASSPHRASE]
    environment = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    environment.update({"LC_ALL": "C", _PASSPHRASE: passphrase.decode("ascii")})
    try:
        return run_program(argv, b"", environment, min(_KEYTOOL_SECONDS, deadline.remaining())).status == 0
    except TooSlow:
        raise Timeout("keytool did not end in time", remedy="Try again.") from None
