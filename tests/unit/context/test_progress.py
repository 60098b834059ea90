# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation's loop counts, and who sees it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress, count_each, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.client import progress_display


def test_a_loop_counts_what_is_done_and_how_many_there_are():
    progress = Progress()
    with reporting_to(progress):
        seen = [progress.describe() for _item in count_each(["a", "b"])]
    assert seen == [{"done": 0, "total": 2}, {"done": 1, "total": 2}]
    assert progress.describe() == {"done": 2, "total": 2}


def test_of_a_listing_only_the_number_so_far_is_known():
    progress = Progress()
    with reporting_to(progress):
        for _item in count_each(letter for letter in "abc"):
            pass
    assert progress.describe() == {"done": 3, "total": None}


def test_a_loop_inside_a_loop_is_not_counted():
    progress = Progress()
    with reporting_to(progress):
        for _item in count_each("ab"):
            for _inner in count_each("xyz"):
                pass
    assert progress.describe() == {"done": 2, "total": 2}


def test_a_loop_that_failed_does_not_keep_the_next_one_from_counting():
    progress = Progress()
    with reporting_to(progress):
        with suppress(ZeroDivisionError):
            [1 / 0 for _item in count_each("ab")]
        for _item in count_each("xyz"):
            pass
    assert progress.describe() == {"done": 3, "total": 3}


@pytest.mark.parametrize(
    ("operation", "parameters", "total"),
    [
        ("credential", {"credentials": [{"name": "a"}, {"name": "b"}, {"name": "bad", "type": "nonsense"}]}, 3),
        ("credential_info", {"names": ["a", "b"]}, 2),
        ("credential_info", {}, None),
        ("credential_info", {"versions": True}, 2),
    ],
)
def test_every_operation_on_many_credentials_counts_them(operation, parameters, total):
    manager, progress = open_store({"backend": "memory", "audit": "off"}, name="team"), Progress()
    perform(manager, "credential", {"credentials": [{"name": "a"}, {"name": "b"}]}, NOBODY)
    with reporting_to(progress):
        perform(manager, operation, parameters, NOBODY)
    manager.close()
    assert progress.describe() == {"done": total or 2, "total": total}


@pytest.mark.parametrize(
    ("is_wanted", "has_terminal", "is_shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_lines_are_shown_on_a_terminal_or_if_a_task_says_so(monkeypatch, is_wanted, has_terminal, is_shown):
    monkeypatch.setattr(progress_display, "HAS_TERMINAL", has_terminal)
    assert (progress_display.choose_label("credential", is_wanted) is not None) == is_shown
