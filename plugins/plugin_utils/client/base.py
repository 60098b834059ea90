# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface between Ansible's plugins and the library: how an operation reaches a store. Lookups and actions use nothing behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome


class Client(ABC):
    """Perform operations on stores."""

    @abstractmethod
    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
        progress: str | None = None,
    ) -> Outcome:
        """Perform one operation.

        Args:
            store: the store, as `store_resolution.resolve_store` found it, with the other stores that the operation names.
            operation: its name in `operations/catalog.py`.
            parameters: the operation's own parameters, validated.
            context: the caller.
            check_mode: report what would change, and change nothing.
            question: the digest by which a session recognises the same request.
            progress: the beginning of the lines that show how far the operation is; None to show none.

        Raises:
            CredentialError: the operation failed; the class is the reason.
        """

    def forget(self, names: Iterable[str] | None) -> None:
        """Drop the cached values of these names (all for None), which were changed in another way."""
