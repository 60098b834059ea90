# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store that a run is likely to ask for is opened before it does."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.callback_start import find_expected_store
from tests.integration.session_runs import eventually
from tests.unit.session.server.desks import MEMORY, Caller


class Plain:
    """As much of a loader and a templar as it takes to read a file that has no templates."""

    def load_from_file(self, path):
        return json.loads(open(path, encoding="utf-8").read())

    def template(self, text):
        return text


@pytest.fixture
def expected_of(tmp_path, monkeypatch):
    """Writes a configuration and says what is expected then."""

    def found(**content):
        (tmp_path / "nebula.yml").write_text(json.dumps(content))
        monkeypatch.setenv("NEBULA_CREDENTIAL_CONFIG", str(tmp_path / "nebula.yml"))
        return find_expected_store(Plain(), Plain(), {})

    return found


def test_it_is_the_one_that_a_lookup_means_which_says_nothing(expected_of):
    stores = {"prod": {"backend": "vault", "url": "https://vault"}, "test": {"backend": "memory"}}
    found = expected_of(default="prod", stores=stores)
    assert (found["store"], found["config"]["url"]) == ("prod", "https://vault")


@pytest.mark.parametrize("content", [{}, {"default": "nowhere"}, {"nonsense": 1}])
def test_there_is_none_where_nothing_or_nonsense_is_configured(expected_of, content):
    """A store that is opened only for that could be made by it; what is wrong is told to who asks."""
    assert expected_of(**content) is None


def wait_until_opened(asking):
    """Wait until the store was opened in the background, or could not be."""
    eventually(
        lambda: not asking.desk._background.is_busy(asking.desk._stores.fingerprint(asking.store, asking.config)), "it is not opened"
    )


def test_a_session_opens_it_once_and_for_all():
    asking = Caller(MEMORY, store="team")
    asking.desk.expect("team", MEMORY)
    wait_until_opened(asking)
    (opened,) = asking.desk._stores.managers()
    asking.put("a")
    assert asking.desk._stores.managers() == [opened]


def test_one_that_cannot_be_opened_is_told_to_who_asks():
    wrong = {"backend": "vault", "url": "nowhere", "auth": {"token": "t"}}
    asking = Caller(wrong, store="prod")
    asking.desk.expect("prod", wrong)
    wait_until_opened(asking)
    assert asking.desk._stores.managers() == []
    assert asking("get", name="a")["option"] == "url"
