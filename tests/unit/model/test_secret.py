# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret is shown by nothing."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED, Secret

VALUE = "c4n4ry-" + "x" * 9


@pytest.mark.parametrize(
    "show",
    [repr, str, "{0}".format, "{0:>40}".format, "{0!r}".format, lambda secret: "%s" % secret, lambda secret: repr({"a": [secret]})],  # noqa: UP031
)
def test_no_way_of_turning_a_secret_into_text_shows_it(show):
    assert VALUE not in show(Secret(VALUE))
    assert REDACTED in show(Secret(VALUE))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol):
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE), protocol)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_secret_cannot_be_copied_or_encoded(way):
    with pytest.raises(TypeError) as caught:
        way(Secret(VALUE))
    assert VALUE not in str(caught.value)


def test_a_traceback_does_not_show_a_secret():
    secret = Secret(VALUE)
    try:
        raise ValueError(secret)
    except ValueError:
        assert VALUE not in traceback.format_exc()


def test_a_log_line_does_not_show_a_secret(caplog):
    logging.getLogger("any").error("it is %s", Secret(VALUE))
    assert VALUE not in caplog.text


def test_secrets_compare_by_value_and_are_not_hashable():
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))


def test_a_wiped_secret_is_empty():
    secret = Secret(VALUE)
    secret.wipe()
    assert secret.expose() == b""
    assert not secret


def test_the_buffer_is_overwritten_when_the_secret_is_dropped():
    secret = Secret(VALUE)
    buffer = secret._buffer
    del secret
    assert buffer == bytes(len(VALUE))


def test_exposing_is_the_way_to_the_value():
    assert Secret("ä").expose() == "ä".encode()
    assert len(Secret("ä")) == 2


@pytest.mark.parametrize("half", ["\ud800", "hunter2\udfff"])
def test_text_that_utf_8_cannot_write_is_refused_and_not_shown(half):
    with pytest.raises(InvalidInput, match="has half of a surrogate pair") as caught:
        Secret(half)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__
