# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what the servers do not model is that of the servers as they are, and each point is modelled by one of them."""

from __future__ import annotations

import secrets

import pytest

from tests.integration.aws_differences import DIFFERING, PROBES, PUBLISHED
from tests.integration.aws_store import AwsStore
from tests.servers import once

UNMODELLED = {"a value of 65,537 bytes": "our own limit is checked before the request"}
"""Points that no server models, and what is tested instead."""


@pytest.mark.parametrize("kind", DIFFERING)
def test_a_server_answers_as_aws_does_but_for_what_the_table_says(kind):
    store = AwsStore(once.server(kind))
    client = store.server.client(**key_of(store, kind))
    answers = {point: probe(client, store.secret(secrets.token_hex(4))) for point, probe in PROBES.items()}
    differing = {point: answer for point, answer in answers.items() if answer != PUBLISHED[point]}
    assert differing == DIFFERING[kind]


def key_of(store, kind):
    """The login of a user: root may do what policies deny."""
    if kind == "moto":
        return {}
    login = store.allow("*")
    return {"aws_access_key_id": login["access_key"], "aws_secret_access_key": login["secret_key"]}


def test_every_point_is_modelled_by_one_of_the_servers():
    missing = {point for point in PUBLISHED if all(point in differing for differing in DIFFERING.values())}
    assert missing == set(UNMODELLED)
    assert set(PROBES) == set(PUBLISHED)
