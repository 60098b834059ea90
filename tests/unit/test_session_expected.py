# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store that a run is likely to ask for is opened before it does."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.starting import _expected
from ansible_collections.nebula.credential.plugins.plugin_utils.stores import Surroundings
from tests.unit.desks import MEMORY, Asking


def around(tmp_path, **content):
    (tmp_path / "nebula.yml").write_text(json.dumps(content))
    environment = {"NEBULA_CREDENTIAL_CONFIG": str(tmp_path / "nebula.yml")}
    return Surroundings({}, environment, lambda text: text, lambda path: json.loads(open(path, encoding="utf-8").read()), None)


def test_it_is_the_one_that_a_lookup_means_which_says_nothing(tmp_path):
    stores = {"prod": {"backend": "vault", "url": "https://vault"}, "test": {"backend": "memory"}}
    found = _expected(around(tmp_path, default="prod", stores=stores))
    assert (found["store"], found["config"]["url"]) == ("prod", "https://vault")


@pytest.mark.parametrize("content", [{}, {"default": "nowhere"}, {"nonsense": 1}])
def test_there_is_none_where_nothing_or_nonsense_is_configured(tmp_path, content):
    """A store that is opened only for that could be made by it; what is wrong is told to who asks."""
    assert _expected(around(tmp_path, **content)) is None


def test_a_session_opens_it_once_and_for_all():
    asking = Asking(MEMORY, store="team")
    asking.desk.expect("team", MEMORY)
    asking.desk._background.shutdown(wait=True)
    (opened,) = asking.desk._stores.managers()
    asking.put("a")
    assert asking.desk._stores.managers() == [opened]


def test_one_that_cannot_be_opened_is_told_to_who_asks():
    wrong = {"backend": "vault", "url": "nowhere", "auth": {"token": "t"}}
    asking = Asking(wrong, store="prod")
    asking.desk.expect("prod", wrong)
    asking.desk._background.shutdown(wait=True)
    assert asking.desk._stores.managers() == []
    assert asking("get", name="a")["option"] == "url"
