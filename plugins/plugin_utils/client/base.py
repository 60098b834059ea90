# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seam between Ansible's plugins and the library: how an operation reaches a store. Lookups and actions know nothing behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome


class Client(ABC):
    """Performs operations on stores."""

    @abstractmethod
    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
    ) -> Outcome:
        """Perform one operation.

        Args:
            store: as `store_resolution.resolve_store` found it; beside it the other stores that the operation names.
            operation: its name in `operations/catalog.py`.
            parameters: the operation's own, validated.
            context: who asks.
            check_mode: tell what would change, change nothing.
            question: by what a session may know the same question again.

        Raises:
            CredentialError: of the class that tells why.
        """

    def forget(self, names: Iterable[str] | None) -> None:
        """These names (any, for None) were changed by other ways: what is kept of them is dropped."""
