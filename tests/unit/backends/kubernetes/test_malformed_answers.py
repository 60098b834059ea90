# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that no API server gives, as a proxy or a damaged one may: an error of ours, and one row of a listing at most."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, StorageError
from tests.conformance.records import a_record
from tests.servers import scripted
from tests.servers.scripted import Answer

each = pytest.mark.parametrize


def a_secret(name="nebula-a", metadata=None, **changes):
    known = {"name": name, "uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z", **(metadata or {})}
    return {"kind": "Secret", "type": "Opaque", "metadata": known, "data": {"value": base64.b64encode(b"v").decode()}, **changes}


def a_list(*items, **metadata):
    return {"kind": "SecretList", "metadata": metadata, "items": list(items)}


def a_failure(code):
    return Answer(code, {"kind": "Status", "code": code, "details": {"kind": "secrets", "name": "nebula-a"}})


def opened(server):
    return Kubernetes({"encrypt": False, "host": server.url, "api_key": "t"}, BackendContext("prod"))


MALFORMED = [
    {"data": [1]},
    {"data": {"value": 5}},
    {"data": {"value": "%"}},
    {"data": "text"},
    {"metadata": {"creationTimestamp": "x"}},
    {"metadata": {"creationTimestamp": 5}},
    {"metadata": {"annotations": [1]}},
    {"metadata": {"annotations": {"nebula.credential/format": 1}}},
    {"metadata": {"labels": {"a": 5}}},
    {"metadata": {"labels": "text"}},
    {"metadata": {"managedFields": 5}},
    {"metadata": {"managedFields": [{"manager": "x", "fieldsV1": [1]}]}},
    {"metadata": {"managedFields": [{"manager": "x", "time": "soon"}]}},
    {"metadata": {"deletionTimestamp": "x", "finalizers": 5}},
]


@each("parts", MALFORMED)
def test_a_malformed_secret_is_damaged(parts):
    with scripted.running(lambda _request: Answer(200, a_secret(**parts))) as server:
        backend = opened(server)
        with pytest.raises(Damaged):
            backend.get("a")
        with pytest.raises(Damaged):
            backend.put(a_record("a"))


@each("parts", [parts for parts in MALFORMED if "metadata" in parts])
@each("as_table", [True, False])
def test_a_malformed_secret_is_one_row_of_a_listing(parts, as_table):
    """As a table, as plain stores list, and as a list of Secrets, as some servers answer all the same."""
    secrets = [a_secret(**parts), a_secret("nebula-b")]
    rows = [{"object": {"metadata": secret["metadata"]}, "cells": ["Opaque"]} for secret in secrets]
    table = {"kind": "Table", "metadata": {}, "columnDefinitions": [{"name": "Type"}], "rows": rows}
    with scripted.running(lambda _request: Answer(200, table if as_table else a_list(*secrets))) as server:
        found = {record.name: record.problem for record in opened(server).list()}
    assert isinstance(found.pop("a"), Damaged)
    assert found == {"b": None}


@each(
    "body",
    [
        a_list(a_secret(), {"metadata": None}),
        a_list({}),
        a_list(None),
        a_list(5),
        a_list({"metadata": {"name": 5}}),
        {"kind": "SecretList", "metadata": {}, "items": 5},
        {"kind": "Table", "metadata": {}, "rows": [{"object": None}]},
        {"kind": "Table", "metadata": {}, "columnDefinitions": [{"name": "Type"}], "rows": [{"object": a_secret(), "cells": []}]},
        {"kind": "Table", "metadata": {}, "columnDefinitions": [5], "rows": []},
    ],
)
def test_a_list_with_an_entry_that_has_no_name_is_refused(body):
    with scripted.running(lambda _request: Answer(200, body)) as server, pytest.raises(StorageError, match="no Secret"):
        list(opened(server).list())


@each("tokens", [["again"], ["one", "two"]])
def test_a_list_that_never_ends_is_refused_at_the_first_page_that_returns(tokens):
    def page(request):
        return Answer(200, a_list(a_secret(), **{"continue": tokens[len(server.asked) % len(tokens)]}))

    with scripted.running(page) as server:
        with pytest.raises(StorageError, match="listed before"):
            list(opened(server).list())
        assert len(server.asked) == len(tokens) + 1


@each(
    ("method", "code", "call"),
    [
        ("GET", 410, lambda backend: backend.get("a")),
        ("GET", 409, lambda backend: backend.get("a")),
        ("GET", 409, lambda backend: list(backend.list())),
        ("GET", 410, lambda backend: backend.read_store_document()),
        ("DELETE", 410, lambda backend: backend.delete("a")),
    ],
)
def test_a_status_that_the_request_cannot_have_is_an_error(method, code, call):
    def answer(request):
        if request.method == method:
            return a_failure(code)
        return Answer(200, a_secret(request.path.split("?")[0].rsplit("/", 1)[1]))

    with scripted.running(answer) as server, pytest.raises(StorageError, match="refused with status {0}".format(code)):
        call(opened(server))


@each("parts", [{"data": [1]}, {"data": {"document": 5}}])
def test_a_malformed_document_is_damaged(parts):
    def answer(request):
        return Answer(200, a_secret(request.path.split("?")[0].rsplit("/", 1)[1], **parts))

    with scripted.running(answer) as server, pytest.raises(Damaged):
        opened(server).read_store_document()
