# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers of a KV engine mean that a healthy server of the tests gives seldom or never."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests, LostRace
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    StorageError,
    TooLarge,
    Unavailable,
)

CREATED = "2026-11-22T06:31:25.470706751Z"


class Scripted:
    """A connection that answers by the method and endpoint of a request, each time the next answer."""

    def __init__(self, **answers):
        self.answers = {key: list(each) for key, each in answers.items()}
        self.asked = []

    def request(self, method, path, body=None, *, writing=False, capability, refused=None):
        endpoint = path.split("/")[1].replace("-", "_")
        self.asked.append((method, path, body))
        status, answer = self.answers["{0}_{1}".format(method, endpoint)].pop(0)
        if isinstance(answer, Exception):
            raise answer
        reply = Reply(status, answer)
        if status == 400:
            raise refused(reply) or StorageError("refused")
        return reply


def errors(*texts):
    return 400, {"errors": list(texts)}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("check-and-set parameter did not match the current version", LostRace),
        ("metadata check-and-set parameter does not match the current version", LostRace),
        ("Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period", Unavailable),
        ("put failed due to value being too large; got 2 bytes, max: 1 bytes", TooLarge),
        ("something else", StorageError),
    ],
)
def test_what_is_refused_has_a_class_of_its_own(said, kind):
    requests = Kv2Requests(Scripted(GET_data=[errors(said)]), "secret")
    with pytest.raises(kind) as caught:
        requests.read("nebula/db")
    assert said not in str(caught.value)
    assert not caught.value.outcome_unknown


def test_metadata_are_compared_where_the_mount_insists_on_it():
    """It is told by a refusal; then the revision is read, and read again when another writer was faster."""
    needed = errors("metadata check-and-set parameter required for this call")
    lost = errors("metadata check-and-set parameter does not match the current version")
    sheets = [(200, {"data": {"current_metadata_version": revision, "current_version": 1, "versions": {}}}) for revision in (3, 4)]
    connection = Scripted(PATCH_metadata=[needed, lost, needed, (204, {})], GET_metadata=sheets)
    Kv2Requests(connection, "secret").describe("nebula/db", {"a": "b"}, None)
    assert [body.get("metadata_cas") for method, _path, body in connection.asked if method == "PATCH"] == [4] * 4
    assert connection.asked[-1][2]["custom_metadata"] == {"a": "b"}


def test_a_lost_race_for_metadata_is_told_to_who_compared():
    lost = errors("metadata check-and-set parameter does not match the current version")
    with pytest.raises(LostRace):
        Kv2Requests(Scripted(PATCH_metadata=[lost]), "secret").describe("nebula/db", {}, None, 3)


def test_an_answer_that_no_such_engine_gives_is_told():
    """A write that is answered without a version was not one to version 2 of KV."""
    connection = Scripted(GET_internal=[(404, {})], POST_data=[(204, {})])
    with pytest.raises(InvalidConfiguration) as caught:
        Kv2Requests(connection, "secret").write("nebula/db", {}, 0)
    assert "kv_version" in str(caught.value)


def test_the_time_of_a_version_is_read_to_the_microsecond():
    data = {"data": {"x": "1"}, "metadata": {"version": 1, "created_time": CREATED, "deletion_time": "2999-01-01T00:00:00Z"}}
    version = Kv2Requests(Scripted(GET_data=[(200, {"data": data})]), "secret").read("nebula/db").version
    assert version.written_at.isoformat() == "2026-11-22T06:31:25.470706+00:00"
    assert not version.deleted, "it will be, in the future"


@pytest.mark.parametrize("time", ["", "yesterday", None])
def test_a_time_that_is_none_is_no_answer_of_a_vault(time):
    data = {"data": {}, "metadata": {"version": 1, "created_time": time}}
    with pytest.raises(StorageError):
        Kv2Requests(Scripted(GET_data=[(200, {"data": data})]), "secret").read("nebula/db")


def page(first, count):
    keys = ["k{0:04d}".format(number) for number in range(first, first + count)]
    info = {"current_version": 1, "versions": {"1": {"created_time": CREATED}}}
    return 200, {"data": {"keys": [*keys, "folder/"], "key_info": dict.fromkeys(keys, info)}}


def test_details_are_listed_page_by_page():
    connection = Scripted(LIST_detailed_metadata=[page(0, 199), page(199, 10)])
    listed = list(Kv2Requests(connection, "secret").folder("nebula/"))
    assert (len(listed), listed[0][1].current, listed[-1]) == (211, 1, ("folder/", None))
    assert [path.rpartition("&after=")[2] for _method, path, _body in connection.asked] == ["", "folder%2F"]


def test_a_failure_that_passes_is_no_sign_that_details_are_not_listed():
    requests = Kv2Requests(Scripted(LIST_detailed_metadata=[(0, Unavailable("gone")), page(0, 1)]), "secret")
    with pytest.raises(Unavailable):
        list(requests.folder("nebula/"))
    assert len(list(requests.folder("nebula/"))) == 2


def test_a_server_that_refuses_details_is_not_asked_for_them_again():
    keys = (200, {"data": {"keys": ["folder/"]}})
    connection = Scripted(LIST_detailed_metadata=[(0, AccessDenied("no"))], LIST_metadata=[keys, keys])
    requests = Kv2Requests(connection, "secret")
    for _each in range(2):
        assert list(requests.folder("nebula/")) == [("folder/", None)]
