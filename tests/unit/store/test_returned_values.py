# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`return_value` returns what a read would return, and a revoked credential is in no wanted state."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Expired, InvalidInput, Revoked
from tests.unit.store.managing import run

CANARY = "c4n4ry-c4n4ry"


@pytest.mark.parametrize(
    "again", [{"state": "present", "idempotency_key": "k"}, {"state": "restored"}, {"state": "restored", "version": "1"}]
)
def test_a_revoked_credential_is_refused_where_its_value_counts_as_usable(manager, again):
    run(manager, value=CANARY, idempotency_key="k")
    run(manager, state="revoked")
    for check in (False, True):
        with pytest.raises(Revoked):
            run(manager, check, **again)
        with pytest.raises(Revoked):
            run(manager, check, return_value=True, **again)


def test_to_revoke_and_return_the_value_is_refused_before_anything_is_done(manager):
    run(manager, value=CANARY)
    with pytest.raises(InvalidInput, match="return_value"):
        run(manager, state="revoked", return_value=True)
    assert manager.token("db").expose() == CANARY.encode()


def test_an_expired_value_is_not_returned_and_a_new_one_is(manager):
    past = {"expires_at": "2020-01-01T00:00:00Z", "return_value": True}
    run(manager, value=CANARY)
    with pytest.raises(Expired):
        run(manager, **past)
    with pytest.raises(Expired):
        run(manager, return_value=True)
    with pytest.raises(Expired):
        run(manager, state="restored", return_value=True)
    assert run(manager, expires_at="2099-01-01T00:00:00Z", return_value=True)["value"] == CANARY
