# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module that ended with an exception said is in `msg`, whatever the version of ansible-core."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner, _find_secrets

TRACEBACK = (
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    alter()\npsycopg.errors.Denied: must be superuser\n'
)
FORMER = {"failed": True, "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error", "module_stdout": "", "module_stderr": TRACEBACK}


def run(result: dict[str, Any]) -> dict[str, Any]:
    action = SimpleNamespace(_execute_module=lambda **_arguments: result, _task=SimpleNamespace(no_log=False))
    return HostRunner(action, {}).run_module("a.b.c", {}, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "result",
    [
        {"failed": True, "exception": SimpleNamespace(event=SimpleNamespace(msg="must be superuser"))},
        FORMER,
        {**FORMER, "module_stdout": TRACEBACK, "module_stderr": "Shared connection closed."},
    ],
)
def test_the_message_of_an_exception_is_the_message_of_the_result(result: dict[str, Any]) -> None:
    assert "must be superuser" in run(result)["msg"]
    assert "MODULE FAILURE" not in run(result)["msg"]
    assert "Shared connection" not in run(result)["msg"]


@pytest.mark.parametrize(
    "result",
    [
        {"failed": True, "msg": "own words", "exception": TRACEBACK},
        {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "module_stderr": "Killed"},
        {"changed": True},
    ],
)
def test_a_message_of_its_own_stays(result: dict[str, Any]) -> None:
    assert run(result) == result


def test_secret_arguments_are_found_within_a_mapping_too() -> None:
    arguments = {"login_password": "a", "named_args": {"hash": "b", "user": "c"}, "query": ["d"]}
    assert [each.expose() for each in _find_secrets(arguments, ("login_password", "hash"))] == [b"a", b"b"]
