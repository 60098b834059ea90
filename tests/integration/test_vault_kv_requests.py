# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write to KV version 2 reads once, and writes in as few requests as its guarantees allow."""

from __future__ import annotations

import pytest

from tests.integration.overtaken_writes import CHANGES, OUTCOMES, WRITES, overtake
from tests.integration.vault_store import VaultStore
from tests.integration.write_requests import check_counts
from tests.servers import once


def test_a_plain_write_reads_the_value_once_and_the_metadata_once_after_it():
    check_counts(VaultStore(once.openbao()), 3, 1, 4, 4, 4, 4, 4, 5, 2, 6, 6, 3, 5)


def test_an_encrypted_write_reads_the_value_once_and_the_document_once_after_it():
    """The first update tells the server to keep one version. Each older value is an object of its own, which a delete removes."""
    check_counts(VaultStore(once.openbao(), encrypt=True), 4, 1, 5, 4, 3, 4, 3, 9, 1, 6, 7, 4, 7)


@pytest.mark.parametrize("encrypt", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_that_was_overtaken_after_its_read_undoes_nothing(monkeypatch, change, write, encrypt):
    assert overtake(VaultStore(once.openbao(), encrypt=encrypt), monkeypatch, change, write) == OUTCOMES[change][write]
