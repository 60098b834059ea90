# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a write to KV version 2: it goes on where it stopped, and each write has its own."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests, LostRace
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.pending_writes import PendingWrites, Rest
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from tests.unit.backends.vault.test_kv_requests import Scripted, errors

DONE = (204, {})


def refusal(*, unknown=False):
    return 0, Unavailable("refused").annotate(outcome_unknown=unknown)


def removal(numbers):
    """Work of two requests."""

    def work(requests):
        requests.delete("nebula/db", numbers)
        requests.destroy("nebula/db", numbers)
        return numbers

    return work


def test_a_request_that_was_refused_is_sent_again_alone():
    connection = Scripted(POST_delete=[DONE], PUT_destroy=[refusal(), refusal(), DONE])
    rest = Rest(Kv2Requests(connection, "secret"), removal([1]))
    for _each in range(2):
        with pytest.raises(Unavailable):
            rest()
    assert [rest(), rest()] == [[1], [1]]
    assert [method for method, _path, _body in connection.asked] == ["POST", "PUT", "PUT", "PUT"]


@pytest.mark.parametrize("unknown", [True, False])
def test_a_lost_race_says_whether_the_request_may_have_lost_to_itself(unknown):
    connection = Scripted(
        PATCH_metadata=[refusal(unknown=unknown), errors("metadata check-and-set parameter does not match the current version")]
    )
    rest = Rest(Kv2Requests(connection, "secret"), lambda requests: requests.describe("nebula/db", {}, None, 3))
    with pytest.raises(Unavailable):
        rest()
    for _each in range(2):
        with pytest.raises(LostRace) as caught:
            rest()
        assert caught.value.outcome_unknown is unknown


def test_a_read_finishes_what_is_left_of_every_write_of_the_path():
    """The rest of a write does not replace that of another."""
    connection = Scripted(POST_delete=[refusal(), refusal(), DONE, DONE], PUT_destroy=[DONE, DONE])
    requests, pending = Kv2Requests(connection, "secret"), PendingWrites()
    for number in (1, 2):
        with pytest.raises(Unavailable, match="a part of the change was made, and the rest"):
            pending.finish("nebula/db", "the removal", Rest(requests, removal([number])))
    pending.catch_up("nebula/db")
    assert [body["versions"] for method, _path, body in connection.asked if method == "PUT"] == [[1], [2]]
    pending.catch_up("nebula/db")
    assert len(connection.asked) == 6


def test_a_writer_that_goes_on_finds_done_what_a_reader_has_finished():
    connection = Scripted(POST_delete=[DONE], PUT_destroy=[refusal(), DONE])
    pending = PendingWrites()
    with pytest.raises(Unavailable) as caught:
        pending.finish("nebula/db", "the removal", Rest(Kv2Requests(connection, "secret"), removal([1])))
    pending.catch_up("nebula/db")
    assert caught.value.rest() == [1]
    assert len(connection.asked) == 3


def test_threads_that_finish_the_same_write_send_each_request_once():
    connection = Scripted(POST_delete=[DONE], PUT_destroy=[DONE])
    rest, answers, begin = Rest(Kv2Requests(connection, "secret"), removal([1])), [], threading.Barrier(8)

    def finish():
        begin.wait(60)
        answers.append(rest())

    threads = [threading.Thread(target=finish) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (answers, len(connection.asked)) == ([[1]] * 8, 2)
