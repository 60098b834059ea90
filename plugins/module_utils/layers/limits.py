# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend's limits as a layer: it refuses what the backend would not take, before any request.

It is inside the layer that encrypts, so that it measures an envelope as it is stored. It is inside the metrics, so that they count a
refusal. It is outside the circuit breaker, which counts requests only.
"""

from __future__ import annotations

from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import FitChecker, Limited, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Record


class Limits(Layer, FitChecker):
    """Refuse what exceeds `capabilities.max_bytes` or `capabilities.max_tags`."""

    def __init__(self, inner: Backend) -> None:
        """Wrap `inner`, which is `Limited`."""
        super().__init__(inner)
        self._limited = require_protocol(inner, Limited)

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        self.check_fits(record)
        return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        self.check_fits(record)
        return self.inner.patch_metadata(record, expected_revision)

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._check_size(len(content))
        self.inner.write_store_document(content, replaces)

    def check_fits(self, record: Record) -> None:
        """Raise TooLarge if the backend would not take the record. An envelope has its tags inside."""
        try:
            self._check_size(self._limited.measure_value(record))
            if record.envelope is None and record.metadata is not None:
                self._check_tags(len(record.metadata.tags))
        except CredentialError as problem:
            raise problem.within(name=record.name) from None

    def _check_size(self, size: int) -> None:
        most = self.capabilities.max_bytes
        if most is not None and size > most:
            raise TooLarge(
                "the value has {0} bytes, and {1} holds {2} at most".format(size, self._limited.container, most),
                remedy="Divide it, or keep it in a store that takes more.",
            )

    def _check_tags(self, number: int) -> None:
        most = self.capabilities.max_tags
        if most is not None and number > most:
            raise TooLarge(
                "the credential has {0} tags, and {1} holds {2} at most".format(number, self._limited.container, most),
                remedy="Remove some, or keep it in a store that takes more.",
            )
