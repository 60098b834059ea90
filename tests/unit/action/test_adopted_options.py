# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a format that is adopted: what is wrong with one says so, and says what the format takes."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import find_format
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import ADOPT
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.action.adopted_names import read_options
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage


@pytest.mark.parametrize(
    ("origin", "given", "said"),
    [
        (
            "dotenv",
            {"passphrase": "canary"},
            "option 'options': 'from: dotenv' has no option 'passphrase'. It takes none: leave 'options' out.",
        ),
        ("json", {1: "canary"}, "option 'options': 'from: json' has no option 1. It takes: nested, separator."),
        ("json", {"nested": "x"}, "option 'options': value of nested must be one of: join, fields, got: x"),
        ("json", {"separator": ""}, "option 'options.separator': it is empty. Leave it out, or use omit."),
    ],
)
def test_what_is_wrong_with_an_option_of_a_format_is_said(origin, given, said):
    with pytest.raises((InvalidInput, UserMessage)) as caught:
        read_options(given, find_format(origin).options, origin)
    assert str(caught.value) == said


def test_defaults_are_added():
    assert read_options({}, find_format("json").options, "json") == {"nested": "join", "separator": "/"}


@pytest.mark.parametrize("path", ["a\0b", "a\ud800"])
@pytest.mark.parametrize("origin", ["ansible_vault", "pgpass"])
def test_a_path_that_is_none_is_refused(origin, path):
    with pytest.raises(InvalidInput) as caught:
        ADOPT.check({"from": origin, "path": path})
    assert caught.value.option == "path"
