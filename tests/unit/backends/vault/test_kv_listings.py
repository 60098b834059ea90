# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listings in which a server describes one secret as no server should."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError
from tests.servers import scripted
from tests.servers.scripted import Answer

CREATED = "2026-11-22T06:31:25.470706751Z"
GOOD = {"current_version": 1, "versions": {"1": {"created_time": CREATED}}}
MALFORMED = {
    "no mapping": 5,
    "a current version that is no number": dict(GOOD, current_version="x"),
    "a version that is no number": dict(GOOD, versions={"x": {"created_time": CREATED}}),
    "a time that is none": dict(GOOD, versions={"1": {"created_time": "yesterday"}}),
}
malformed = pytest.mark.parametrize("entry", MALFORMED.values(), ids=MALFORMED)


def rows(script):
    with scripted.running(script) as server:
        settings = {"url": server.url, "auth": {"token": "s.any-token"}, "mount": "secret", "prefix": "app"}
        return {row.name: row.problem for row in backend_class("vault")(settings, BackendContext("prod")).list()}


def is_unreadable(found):
    return list(found) == ["bad", "good"] and isinstance(found["bad"], StorageError) and found["good"] is None


@malformed
def test_an_entry_of_a_detailed_listing_that_cannot_be_read_is_one_unreadable_row(entry):
    assert is_unreadable(
        rows(lambda _request: Answer(200, {"data": {"keys": ["bad", None, "good"], "key_info": {"bad": entry, "good": GOOD}}}))
    )


@malformed
def test_metadata_that_cannot_be_read_is_one_unreadable_row_where_it_is_read_key_by_key(entry):
    def script(request):
        if "/detailed-metadata/" in request.path:
            return Answer(404, {"errors": []})
        if "list=true" in request.path:
            return Answer(200, {"data": {"keys": ["bad", "good"]}})
        # Without a mapping, a server says that there is no such secret.
        told = dict(entry) if isinstance(entry, dict) else dict(GOOD, versions={"1": {}})
        return Answer(200, {"data": GOOD if request.path.endswith("/good") else told})

    assert is_unreadable(rows(script))
