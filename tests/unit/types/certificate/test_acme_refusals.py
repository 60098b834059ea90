# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An order that was refused is not sent again for a while; one with another key or login is another order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import private_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import acme_order, signing
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.names import Name

TEXTS = {"url": "https://127.0.0.1:1/directory", "accept_terms": "true", "alt_names": "www.example.com"}
TERMS = signing.Terms("CN=www.example.com", (Name("DNS", "www.example.com"),), ("server",), None, (), timedelta(days=90))


def order(account_key, key, binding=None):
    account = acme_order.Account(account_key, binding)
    return acme_order.order_certificates(TEXTS, account, signing.build_request(key, TERMS, has_subject=False))


def make_key():
    return private_keys.make_key(private_keys.KeyKind(private_keys.ECDSA))


def test_a_refused_order_is_sent_again_once_another_key_or_login_was_written(monkeypatch):
    """Nothing listens at the address, so an order that is sent is not answered."""
    monkeypatch.setattr(acme_order, "_REFUSED", {})
    key, wrong = make_key(), Secret("no key")
    with pytest.raises(InvalidInput, match="'account_key' is no key"):
        order(wrong, key)
    remembered = list(acme_order._REFUSED.items())
    assert len(remembered) == 1
    account_key = acme_order.generate_account_key()
    with pytest.raises(Unavailable):
        order(account_key, key)
    monkeypatch.setattr(acme_order, "_connect", lambda *_given: pytest.fail("it was sent"))
    with pytest.raises(InvalidInput, match="'account_key' is no key"):
        order(wrong, key)
    assert list(acme_order._REFUSED.items()) == remembered
    for other in ((wrong, make_key()), (wrong, key, Secret("login"))):
        with pytest.raises(pytest.fail.Exception, match="it was sent"):
            order(*other)
