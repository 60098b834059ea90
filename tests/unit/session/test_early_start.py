# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run speaks of its session can be told without reading configurations, and never wrongly that it does not."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import CacheTerms
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.session import early_start as beginning
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes the run's nebula.yml."""
    path = tmp_path / "nebula.yml"
    monkeypatch.setenv("NEBULA_CREDENTIAL_CONFIG", str(path))
    monkeypatch.delenv("NEBULA_CREDENTIAL_SESSION", raising=False)
    path.write_text("default: prod\n")
    return path


def test_nothing_is_said(file):
    assert not beginning._is_session_configured({"nebula_credential_store": "prod"})


def test_that_there_shall_be_one_says_nothing_new(file, monkeypatch):
    monkeypatch.setenv("NEBULA_CREDENTIAL_SESSION", "true")
    assert not beginning._is_session_configured({})


def test_a_variable_says_something(file):
    assert beginning._is_session_configured({"nebula_credential_session": False})


@pytest.mark.parametrize("text", ["false", "no", "{ttl: 5}", "TRUE"])
def test_the_environment_says_something(file, monkeypatch, text):
    monkeypatch.setenv("NEBULA_CREDENTIAL_SESSION", text)
    assert beginning._is_session_configured({})


@pytest.mark.parametrize("content", ["session: false\n", "'session': {ttl: 5}\n", "$ANSIBLE_VAULT;1.1;AES256\n6162\n"])
def test_a_file_says_something_or_may(file, content):
    file.write_text(content)
    assert beginning._is_session_configured({})


def test_what_nobody_says_is_what_the_session_does_by_itself():
    """It is begun with nothing said, where whoever reads the configurations has the defaults."""
    silent, said = RequestHandler(beginning.DEFAULTS), RequestHandler(session_options([]))
    assert silent._stores._terms == said._stores._terms == CacheTerms()
    assert silent._idle == said._idle
