# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""step-ca as a second ACME service: what it signs fits our key and its root, and a renewal keeps the account (C5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import RefreshFailed
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import acme_order
from tests.conftest import cannot_run
from tests.servers import step_ca
from tests.servers.processes import ServerUnavailable
from tests.unit.types.certificate.certified import needs_openssl, open_memory, openssl, verify, write

pytestmark = [
    pytest.mark.server,
    pytest.mark.long(reason="step-ca is built with Go, which takes minutes of computing"),
]


@pytest.fixture(scope="module")
def service():
    try:
        with step_ca.running() as server:
            yield server
    except ServerUnavailable as error:
        cannot_run(str(error))


@pytest.fixture
def store():
    with open_memory() as made:
        yield made
    acme_order._REFUSED.clear()


def fields(service, names):
    common = {"url": service.url, "ca_cert": service.ca_cert, "challenge_directory": str(service.challenges), "accept_terms": "true"}
    return dict(common, alt_names=names)


@needs_openssl
def test_it_signs_our_key_for_names_and_addresses_and_renews_with_the_same_account(tmp_path, store, service):
    store.ensure(**fields(service, "localhost,127.0.0.1"))
    key = store.write(tmp_path, "app", "private_key")
    leaf, chain = (store.write(tmp_path, "app", field) for field in ("certificate", "chain"))
    root = write(tmp_path / "root.pem", service.ca_cert)
    for name in ("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"):
        assert verify(leaf, root, "-untrusted", chain, "-purpose", "sslserver", *name) == ""
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", leaf, "-noout", "-pubkey")
    assert list(service.challenges.iterdir()) == [], "the files of the challenges are gone"
    first, account = store.read(), store.fields()["account_key"]
    store.now = store.manager.get("app").expires_at - timedelta(hours=1)
    assert store.read() != first
    assert store.fields()["account_key"] == account


def test_a_name_that_it_cannot_reach_ends_with_the_time_of_a_refresh(store, service):
    """It leaves such a name open, for the client to try again: nothing is refused."""
    store.ensure(**fields(service, "127.0.0.2"))  # the web server is not there
    with pytest.raises(RefreshFailed, match="the refresh did not end within 30 s"):
        store.read()
    assert list(service.challenges.iterdir()) == []
