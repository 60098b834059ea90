# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reading half of encryption: it opens and checks each envelope, with the checks in a fixed order (E1, ENVELOPE rule 5)."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import Dict, Iterable, Iterator, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    UNHEALTHY,
    Backend,
    Capabilities,
    Filter,
    Health,
    build_unreadable_row,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Authenticating, Located, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope_opener import EnvelopeOpener, Found, not_encrypted_error
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import HighWaterMarks, Mark
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import envelope_metadata, identity_of, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    EncryptionError,
    MissingKey,
    NotFound,
    RolledBack,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT


class Decrypt(Layer, Authenticating):
    """Read records from a backend of envelopes. `encrypt` adds the writing."""

    def __init__(self, inner: Backend, keyring: Keyring, marks: Optional[HighWaterMarks], tenant: str = DEFAULT_TENANT) -> None:
        """Take the keys, the high-water marks (None for a store that is not persistent) and the store's tenant."""
        super().__init__(inner)
        self.keyring = keyring
        self.marks = marks
        self.tenant = tenant
        self.opener = EnvelopeOpener(keyring, marks, tenant, inner.context.warn)

    @contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Add the credential's name and the store to errors from below, which do not know whose envelope they concern."""
        try:
            yield
        except CredentialError as problem:
            problem.within(name=name, store=self.context.store)
            raise

    @cached_property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # as in Layer
        """What the wrapped backend can do, except that an envelope holds the text of a value and no JSON."""
        return replace(self.inner.capabilities, json_fields=False)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """Read and open a value.

        Raises:
            NotEncrypted, Damaged, UnknownFormat, WrongKey, Misplaced, Tampered, RolledBack: in this order (ENVELOPE rule 5).
            MissingKey, WrongPassphrase, KeySourceUnavailable: the store's keys cannot be read.
        """
        try:
            try:
                return self._get(name, version, stage)
            except RolledBack:  # perhaps the mark was read before an explicit restore, and the value after it
                return self._get(name, version, stage)
        except CredentialError as problem:
            if isinstance(problem, RolledBack):
                problem.remedy = "{0}{1}".format(self._explain_checkout(name), problem.remedy)
            problem.within(name=name, store=self.context.store)
            raise

    def _explain_checkout(self, name: str) -> str:
        """Return what else can have put an older value back, with a blank after it: a checkout, if the value is a file in git."""
        # Imported here: only this error needs it.
        from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import find_working_tree

        located = find_protocol(self.inner, Located)
        file = located.locate(name).get("file") if located is not None else None
        tree = None if file is None else find_working_tree(os.path.dirname(file))
        if tree is None:
            return ""
        return (
            "The store is in the git working tree {0}: if an older commit or another branch was checked out there, check out the one with "
            "the newest value, or pull and merge. "
        ).format(tree.root)

    def _get(self, name: str, version: Optional[str], stage: str) -> Record:
        ring = self.keyring.open()
        if ring is None:
            self.inner.get(name, version, stage)
            self._check_made_since()
            return self._get(name, version, stage)
        mark = self.opener.mark(ring, identity_of(name, stage))
        record = self.inner.get(name, version, stage)
        if version is None:
            return self.opener.open(ring, record, mark)
        return self.opener.open_version(record, mark, version if self.capabilities.envelopes else None)

    def _check_made_since(self) -> None:
        """Read the key document again. There was none, and there are records: another process may just have made the store.

        Raises:
            MissingKey: there is still no document.
        """
        if self.keyring.open() is None:
            raise without_document()

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        ring = self.keyring.open()
        marks = {name: self.opener.mark(ring, name) for name in wanted} if ring else {}
        found = self.inner.get_many(wanted)
        if found and ring is None:
            self._check_made_since()
            return self.get_many(wanted)
        return {name: self._open_or_reload(ring, record, marks[name]) for name, record in found.items()} if ring else {}

    def _open_or_reload(self, ring: OpenRing, record: Record, mark: Optional[Mark]) -> Record:
        with self.naming(record.name):
            try:
                return self.opener.open(ring, record, mark)
            except RolledBack:
                return self.get(record.name)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield metadata, `verified` if the key authenticates it. Values and high-water marks are not read.

        An envelope that cannot be read is a row with a `problem`.
        """
        if wanted.names_only:
            yield from self.inner.list(wanted)
            return
        has_keys = self.marks is None or bool(self.keyring.sources)
        if has_keys:
            self.keyring.open()
        for row in self.inner.list(wanted):
            if row.problem is None:
                try:
                    row = self._build_listing(row, has_keys)  # noqa: PLW2901  # the same row, opened
                except EncryptionError as problem:
                    row = build_unreadable_row(row.name, row.stage, problem)  # noqa: PLW2901
            yield row

    def _build_listing(self, row: Record, has_keys: bool) -> Record:
        if row.envelope is None:
            raise not_encrypted_error()
        envelope = read_envelope(row.envelope)
        header = envelope.header
        return Record(  # `replace` takes twice as long, and a listing may be of all credentials
            name=row.name,
            type=header.type,
            metadata=envelope_metadata(envelope),
            stage=row.stage,
            version=row.version,
            serial=header.serial,
            record_id=header.record_id,
            revision=envelope.revision,
            verified=has_keys and self.opener.is_authentic(row, envelope),
            ends_at=row.ends_at,
        )

    def health(self) -> Health:
        """Return the backend's health; unhealthy also if values are stored and no configured source opens their key now."""
        health = self.inner.health()
        if health.status == UNHEALTHY or not (self.marks is None or self.keyring.sources):
            return health
        try:
            self.keyring.check_sources()
        except CredentialError as error:
            return unhealthy(error.within(store=self.context.store))
        return health

    def find(self, name: str, stage: str, mark: Optional[Mark], base: Optional[Record] = None) -> Optional[Found]:
        """Return the record that a write builds on, authenticated and not decrypted; None if there is none.

        `base` is the record as it was read for this write, if it was. It is read again if it does not fit what is known now, and in a
        backend that compares no more than version and revision: what was changed there without the key must be noticed.
        """
        if base is not None and base.source is not None:
            with suppress(EncryptionError):
                return self.opener.authenticate(base, mark)
        try:
            record = self.inner.get(name, stage=stage)
        except NotFound:
            return None
        return self.opener.authenticate(record, mark)


def without_document() -> MissingKey:
    """Return the error for a store with records and no document."""
    return MissingKey("the store has records, but its document is gone", remedy="Restore metadata.json from a backup.")
