# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that cannot be read spoils no listing and no other secret, on a real OpenBao."""

from __future__ import annotations

import uuid

import pytest

from tests.integration.spoiled_stores import DEEP, check_others_are_listed_and_read, list_reasons
from tests.integration.vault_store import VaultStore
from tests.servers import once

pytestmark = pytest.mark.server


def test_metadata_that_were_changed_by_hand():
    store = VaultStore(once.openbao())

    def spoil() -> None:
        custom = dict(store.custom("bad"), **{"nebula-1-0": DEEP[:500]})
        store.server.call("POST", store.path("bad", "metadata"), {"custom_metadata": custom})

    check_others_are_listed_and_read(dict(store.configured(), backend="vault"), spoil)


@pytest.mark.parametrize("envelope", ["é", "AAAA", {"base64": "é"}])
def test_an_envelope_that_was_changed_by_hand(envelope):
    store = VaultStore(once.openbao())
    broken = {"data": {"nebula.envelope": envelope, "nebula.object": {"serial": 1}}}
    config = dict(store.configured(), backend="vault", encrypt=True)
    check_others_are_listed_and_read(config, lambda: store.server.call("POST", store.path("bad"), broken))


def test_text_that_is_not_base64_in_a_value_of_another_tool_is_returned_as_its_json():
    """It looks like bytes of ours and is none."""
    store = VaultStore(once.openbao())
    store.server.call("POST", store.path("foreign"), {"data": {"value": {"base64": "é"}}})
    assert store.manager().get("foreign").token().expose() == '{"base64":"é"}'.encode()


def test_a_policy_that_denies_one_secret_spoils_no_listing():
    server = once.openbao()
    mount = server.enable("kv", "kv1-" + uuid.uuid4().hex[:8], options={"version": "1"})
    store = VaultStore(server, mount=mount, kv_version=1)
    for name in ("bad", "good"):
        server.call("PUT", "{0}/{1}/{2}".format(mount, store.prefix, name), {"value": "x"})
    rules = {"*": "read", "": "list", "bad": "deny"}
    policy = "\n".join('path "{0}/{1}/{2}" {{ capabilities = ["{3}"] }}'.format(mount, store.prefix, *rule) for rule in rules.items())
    login = {"token": server.token(server.policy(store.prefix + "p", policy), no_default_policy=True)}
    reasons = list_reasons(store.manager(auth=login))
    assert reasons["good"] is None
    assert reasons["bad"]["code"] == "access_denied"
