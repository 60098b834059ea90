# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `pkcs11`: a random secret that an AES key in an HSM encrypts and decrypts, by AES-GCM (E2).

The key cannot be read out of the HSM; one that can be is refused. The store's id is associated data. A slot holds the nonce, the encrypted
secret and its tag.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.context.bounded_call import call_in_time
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    MissingKey,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_USE = threading.Lock()
"""A process has one state of each library. It is ended with each use, so no forked process gets a part of it."""
_TAG_BITS = 128


class Hsm(WrappingSource):
    """A key of a token. Build it with `from_options`."""

    kind = "pkcs11"
    operation = "asking the HSM"
    does_not_unwrap = ("the HSM does not decrypt what it encrypted", "See the log of the HSM.")

    def __init__(self, options: Mapping[str, Any], read_pin: Callable[[], Optional[Secret]]) -> None:
        """Take the options, and the function that returns the PIN as it is now. Loads no library."""
        super().__init__(options["label"] or "{0}/{1}".format(options["token"], options["key"]), options["read_timeout"])
        self._library = options["library"]
        self._token = options["token"]
        self._key = options["key"]
        self._read_pin = read_pin

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        nonce = os.urandom(primitives.NONCE_SIZE)
        return nonce + self._use(lambda key: _encrypt(key, nonce, secret, store_id))

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        nonce, encrypted = wrapped[: primitives.NONCE_SIZE], wrapped[primitives.NONCE_SIZE :]
        return self._use(lambda key: self._decrypt(key, nonce, encrypted, store_id))

    def _decrypt(self, key: Any, nonce: bytes, encrypted: bytes, store_id: bytes) -> bytes:
        from pkcs11 import PKCS11Error

        try:
            return _run(key.decrypt, encrypted, nonce, store_id)
        except PKCS11Error:
            # HSMs have several codes for a tag that does not fit, one of them that of any failure: so the key is tried on what is its own.
            _run(key.decrypt, _encrypt(key, nonce, b"", store_id), nonce, store_id)
        raise WrongPassphrase(
            "the key '{0}' of the HSM is not the key that this store's slot was made with".format(self._key),
            remedy="It was deleted and made again, or belongs to another token. Use another key source of the store.",
        )

    def _use(self, work: Callable[[Any], bytes]) -> bytes:
        pin = self._read_pin()
        return call_in_time(lambda: self._open(pin, work), "the HSM")

    def _open(self, pin: Optional[Secret], work: Callable[[Any], bytes]) -> bytes:
        """Return what `work` makes of the key, in a session that ends with it."""
        import pkcs11

        with _USE:
            library: Any = None
            try:
                library = pkcs11.lib(self._library)
                with library.get_token(token_label=self._token).open(
                    user_pin=None if pin is None else pin.expose().decode("utf-8")
                ) as session:
                    return work(self._find_key(session))
            except (pkcs11.PKCS11Error, RuntimeError, OSError, UnicodeDecodeError) as problem:
                raise self._explain(problem) from None
            finally:
                if library is not None:
                    library.finalize()

    def _find_key(self, session: Any) -> Any:
        """Return the key.

        Raises:
            MissingKey: there is none.
            InvalidConfiguration: there are several, or it could be read out of the HSM.
        """
        from pkcs11 import Attribute, KeyType, ObjectClass

        wanted = {Attribute.LABEL: self._key, Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        found = list(session.get_objects(wanted))
        if not found:
            raise MissingKey(
                "the token '{0}' has no AES key '{1}' for this login".format(self._token, self._key),
                remedy="For a new store make it, 256 bits, sensitive and not extractable. A store that it opened needs that very key.",
            )
        if len(found) > 1:
            raise InvalidConfiguration("the token has several keys '{0}'".format(self._key), remedy="Give each a label of its own.")
        key = found[0]
        if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
            raise InvalidConfiguration(
                "the key '{0}' can be read out of the HSM".format(self._key), remedy="Make one that is sensitive and not extractable."
            )
        return key

    def _explain(self, problem: BaseException) -> CredentialError:
        name = type(problem).__name__
        if name in ("PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired", "ArgumentsBad", "UserPinNotInitialized"):
            return self.unusable(
                "the token does not accept the PIN ({0})".format(name), "Correct it. A token counts wrong PINs, and locks."
            )
        if name in ("NoSuchToken", "TokenNotPresent", "TokenNotRecognised", "MultipleTokensReturned"):
            what = "the library finds no token, or several, with the label '{0}'".format(self._token)
            return self.unusable(what, "Connect the HSM, and check the configuration of its library.")
        if name in ("MechanismInvalid", "MechanismParamInvalid", "FunctionNotSupported"):
            return self.unusable("the HSM has no AES-GCM ({0})".format(name), "Use another HSM, or another key source.")
        return self.unusable("its library failed ({0})".format(name), "Check 'library', and the log of the HSM.")


def _encrypt(key: Any, nonce: bytes, secret: bytes, store_id: bytes) -> bytes:
    return _run(key.encrypt, secret, nonce, store_id)


def _run(method: Callable[..., bytes], data: bytes, nonce: bytes, store_id: bytes) -> bytes:
    from pkcs11 import GCMParams, Mechanism

    return bytes(method(data, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, store_id, _TAG_BITS)))


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> Hsm:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is missing or wrong. No library of an HSM was loaded.
    """
    with naming_source(Hsm.kind):
        entry = read_entry(Hsm.kind, given).config
        for option in ("library", "token", "key"):
            if not entry[option]:
                raise InvalidConfiguration("it is missing", option=option, remedy="An HSM needs its library, a token and a key.")
        if not os.path.isfile(entry["library"]):
            raise InvalidConfiguration("there is no such file", option="library", remedy="Name the library that the HSM came with.")

        def read_pin() -> Optional[Secret]:
            return read_login(entry, "pin", surroundings.warn)

    return Hsm(entry, read_pin)
