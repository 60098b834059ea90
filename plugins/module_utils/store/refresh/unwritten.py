# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outcomes of refreshes that could not be stored at once. They are kept in memory, and written when the store is available again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import REFRESH, acting_as, current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.writes import RefreshOutcome, RefreshWrites
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer


class UnwrittenOutcomes:
    """The outcomes of one store, one per credential."""

    def __init__(self, writes: RefreshWrites) -> None:
        """Write with `writes`."""
        self._writes = writes
        self._kept: Dict[str, Tuple[AccessContext, RefreshOutcome]] = {}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def keep(self, outcome: RefreshOutcome) -> None:
        """Keep an outcome for later, with its caller."""
        self._kept[outcome.name] = (current_caller().context, outcome)

    def write(self, name: Optional[str] = None) -> None:
        """Write the kept outcomes, or that of one credential. Keep those that cannot be written."""
        for each, (context, outcome) in list(self._kept.items()):
            if name in (None, each):
                with suppress(CredentialError), acting_as(context, REFRESH, cacheable=False):
                    self._settle(outcome)

    def _settle(self, outcome: RefreshOutcome) -> None:
        try:
            self._writes.settle(outcome)
        except NotFound:
            pass  # it was deleted, so the response is of no use
        self._kept.pop(outcome.name, None)

    def find_answer(self, credential: Credential) -> Optional[Credential]:
        """Return the credential with the response that is kept for its version; None if there is none, or it has expired too."""
        _context, outcome = self._kept.get(credential.name, (None, None))
        if outcome is None or outcome.answer is None or outcome.version != credential.version:
            return None
        refreshed = replace(credential, record=with_answer(credential.record, outcome.answer))
        return refreshed if refreshed.usable else None

    def finish(self, outcome: RefreshOutcome) -> Tuple[Optional[Record], Optional[CredentialError]]:
        """Write an outcome now.

        Returns:
            The stored record and None. If the outcome cannot be written, keep it and return None and the error.

        Raises:
            NotFound: the credential was deleted meanwhile.
        """
        try:
            return self._writes.settle(outcome), None
        except NotFound:
            raise
        except CredentialError as error:
            self.keep(outcome)
            return None, error


def with_answer(record: Record, answer: RefreshAnswer) -> Record:
    """Return the record as it will be when the response is stored, for readers until then."""
    state = lifecycle.target_of(record.full_metadata.lifecycle, "refresh_ok", False)
    return replace(record.with_metadata(lifecycle=state, expires_at=answer.expires_at), state=dict(answer.state))
