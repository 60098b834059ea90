# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request of a listing that a server refuses is repeated by itself: the listing does not begin anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeating
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.backends.discovery import HARNESSES, KINDS
from tests.backends.throttling import can_throttle
from tests.conformance.records import a_record
from tests.servers import front, once
from tests.servers.scripted import Answer

pytestmark = pytest.mark.server
SERVED = [kind for kind in KINDS if kind.server is not None and not kind.encrypted]
FRONTED = [kind for kind in SERVED if can_throttle(HARNESSES[kind.backend], kind)]
NAMES = ["a/one", "a/two", "b/one", "c"]


def open_filled(kind, directory):
    backend = kind.open(directory)
    for name in NAMES:
        backend.put(a_record(name))
    return backend


@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.label)
def test_each_request_of_a_listing_may_be_made_twice(kind, tmp_path):
    """So the layer that repeats may repeat any one of them, and there is none of which it does not know."""
    requests = []

    def make_twice(request):
        requests.append(request())
        return request()

    backend = open_filled(kind, tmp_path)
    with repeating(make_twice):
        assert sorted(row.name for row in backend.list()) == NAMES
    assert requests
    backend.close()


@pytest.mark.parametrize("kind", FRONTED, ids=lambda kind: kind.label)
def test_a_listing_of_which_every_second_request_is_refused_makes_each_twice(kind, tmp_path):
    open_filled(kind, tmp_path).close()
    address = HARNESSES[kind.backend].address
    url = kind.options(tmp_path)[address]
    with front.running(url, str(once.server(kind.server).ca_cert) if url.startswith("https:") else None) as before:
        behind = replace(kind, options=lambda directory: {**kind.options(directory), address: before.url}).open(tmp_path)
        store = Retry(behind, 1, sleep=lambda _seconds: None)

        def count_requests():
            before.hold(1, 0)
            assert sorted(row.name for row in store.list()) == NAMES
            return before.asked

        count_requests()  # it may log in and check the place
        wanted = count_requests()
        before.refuses = lambda number, _request: Answer(429, {"errors": ["no"]}) if number % 2 else None
        assert count_requests() == 2 * wanted
        behind.close()
