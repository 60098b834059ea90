# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write to a cluster reads once, and writes in as few requests as its guarantees allow."""

from __future__ import annotations

import pytest

from tests.integration.kubernetes_store import KubeStore
from tests.integration.overtaken_writes import CHANGES, OUTCOMES, WRITES, overtake
from tests.integration.write_requests import check_counts
from tests.servers import once


@pytest.fixture
def server():
    return once.server("kubernetes")


def test_a_plain_write_reads_the_secret_once(server):
    """The value that is replaced is kept in a Secret of its own."""
    check_counts(KubeStore(server), 3, 1, 3, 3, 2, 3, 2, 12, 1, 3, 10, 3, 9)


def test_a_write_that_keeps_no_version_is_one_read_and_one_update(server):
    check_counts(KubeStore(server, keep_versions=0), 3, 1, 2, 2, 2, 2, 2, 10, 1, 3, 10, 3, 9)


def test_an_encrypted_write_reads_the_secret_once_and_the_document_once_after_it(server):
    check_counts(KubeStore(server, encrypt=True), 4, 1, 4, 4, 3, 4, 3, 12, 1, 4, 10, 4, 9)


@pytest.mark.parametrize("encrypt", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_that_was_overtaken_after_its_read_undoes_nothing(server, monkeypatch, change, write, encrypt):
    assert overtake(KubeStore(server, encrypt=encrypt), monkeypatch, change, write) == OUTCOMES[change][write]
