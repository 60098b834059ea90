# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `age`: a random secret that is encrypted to recipients of age, and decrypted by the identity of one of them (E2).

The store's id is encrypted with the secret, and compared. A source without an identity gives a store a slot that only the owners of its
recipients open: a way in for the day on which every other key is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource, take_secret
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, WrongPassphrase

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import Filled
    from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_X25519, _IDENTITIES, _SSH = "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-", "-----BEGIN "
_RECIPIENT = "Write what 'age-keygen -y' prints (age1…), or a public SSH key (ssh-ed25519 …, ssh-rsa …)."
_IDENTITY = "Give what 'age-keygen' printed (a line AGE-SECRET-KEY-1…), or a private SSH key without a passphrase."
MOST_RECIPIENTS = 64
_SECONDS = 30.0
"""For each use. It computes; only the file of an identity may be on a slow file system."""


class Age(WrappingSource):
    """Recipients of age, and maybe an identity. Build it with `from_options`."""

    kind = "age"
    operation = "using age"
    does_not_unwrap = ("the identity does not decrypt what was encrypted", "Name its recipient under 'recipients'.")

    def __init__(self, recipients: Sequence[str], options: Filled, warn: Any, label: str) -> None:
        """Take the recipients, the options of the identity, the function for warnings, and the label. Reads no identity."""
        super().__init__(label, _SECONDS)
        self._recipients = tuple(recipients)
        self._options = options.config
        self._warn = warn

    @property
    def has_identity(self) -> bool:
        """Whether this source can open a slot, and not only make one."""
        return any(self._options.get("identity" + ending) is not None for ending in ("", "_file", "_env"))

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        import pyrage

        to = _read_recipients(self._recipients) or [_find_recipient(each) for each in self._read_identities()]
        return bytes(pyrage.encrypt(store_id + secret, to))

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        import pyrage

        try:
            opened = bytes(pyrage.decrypt(wrapped, self._read_identities()))
        except pyrage.DecryptError:
            raise self._wrong_identity() from None
        secret = take_secret(opened, store_id)
        if secret is None:
            raise self._wrong_identity()
        return secret

    def comes_back(self, terms: Terms, secret: bytes, store_id: bytes) -> bool:
        """Return True also without an identity: then nothing here can show it."""
        return not self.has_identity or super().comes_back(terms, secret, store_id)

    def _wrong_identity(self) -> CredentialError:
        return WrongPassphrase(
            "the identity is none of the recipients that this store's slot was made for",
            remedy="Give the identity of one of them, or use another key source of the store.",
        )

    def _read_identities(self) -> List[Any]:
        found: Optional[Secret] = read_login(self._options, "identity", self._warn)
        if found is None:
            raise self.unusable("it has recipients only, and no identity", "Give 'identity_file', or use another key source of the store.")
        return _parse_identities(found.expose())


def _parse_identities(content: bytes) -> List[Any]:
    """Return the identities of a file of age, or of a private SSH key.

    Raises:
        InvalidConfiguration: there is none.
    """
    import pyrage

    text = content.decode("utf-8-sig", "replace")
    try:
        if text.lstrip().startswith(_SSH):
            return [pyrage.ssh.Identity.from_buffer(text.strip().encode() + b"\n")]
        lines = [line.strip() for line in text.splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(_X25519)]
    except (pyrage.IdentityError, ValueError):
        found = []
    if not found:
        raise InvalidConfiguration("it is not an identity of age", option="identity", remedy=_IDENTITY)
    return found


def _find_recipient(identity: Any) -> Any:
    """Return the recipient of an identity of age; of an SSH key it is not known here."""
    import pyrage

    if isinstance(identity, pyrage.ssh.Identity):
        raise InvalidConfiguration("it is missing", option="recipients", remedy="Name the public key of the SSH key.")
    return identity.to_public()


def _read_recipients(texts: Sequence[str]) -> List[Any]:
    """Return the recipients.

    Raises:
        InvalidConfiguration: one is none. Its text is not shown: it may be an identity, in whatever form.
    """
    import pyrage

    found: List[Any] = []
    for text in texts:
        try:
            found.append((pyrage.ssh if text.startswith("ssh-") else pyrage.x25519).Recipient.from_str(text))
        except (pyrage.RecipientError, ValueError):
            what = "number {0} is not a recipient of age".format(len(found) + 1)
            raise InvalidConfiguration(what, option="recipients", remedy=_RECIPIENT) from None
    return found


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> Age:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is wrong.
    """
    with naming_source(Age.kind):
        options = read_entry(Age.kind, given)
        recipients = [str(each).strip() for each in options.config["recipients"] or ()]
        if any(text.upper().startswith((_IDENTITIES, _SSH)) for text in recipients):
            raise InvalidConfiguration("it has an identity, which is secret", option="recipients", remedy=_RECIPIENT)
        if len(recipients) > MOST_RECIPIENTS:
            remedy = "Give {0} at most.".format(MOST_RECIPIENTS)
            raise InvalidConfiguration("{0} are too many".format(len(recipients)), option="recipients", remedy=remedy)
        _read_recipients(recipients)
        source = Age(recipients, options, surroundings.warn, options.config["label"] or "")
        if not recipients and not source.has_identity:
            raise InvalidConfiguration("it is missing", option="recipients", remedy=_RECIPIENT + " Or give 'identity_file' alone.")
    return source
