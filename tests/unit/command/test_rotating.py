# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`rotate` without a play: what may be an argument, and what is made of the play's output."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.command import rotating
from tests.unit.command.commands import Typed

TARGETS = {"door": {"kind": "command", "apply": ["/bin/true"], "verify": ["/bin/true"]}}
SUCCESS = 'one | SUCCESS => {"changed": true, "outcome": "promoted"}\n'
FAILED = 'two | FAILED! => {"changed": false, "code": "unavailable", "msg": "the door is shut"}\n'
UNREACHABLE = 'two | UNREACHABLE! => {"changed": false, "msg": "no route", "unreachable": true}\n'


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: Typed) -> list[bytes]:
    """The plays that were run, in a project with a credential and a target."""
    configuration = tmp_path / "nebula.yml"
    configuration.write_text(json.dumps({"targets": TARGETS}))
    configuration.chmod(0o600)
    monkeypatch.setenv("NEBULA_CREDENTIAL_CONFIG", str(configuration))
    typed.succeed("set", "a", given="x")
    return []


def play(monkeypatch: pytest.MonkeyPatch, played: list[bytes], output: str, status: int) -> None:
    """Have each play end like this."""

    def run(argv: list[str], **given: Any) -> CompletedProcess[bytes]:
        played.append(given["input"])
        return CompletedProcess(argv, status, output.encode())

    monkeypatch.setattr(rotating.subprocess, "run", run)


@pytest.mark.parametrize(
    ("output", "ended", "status", "words"),
    [
        (SUCCESS, 0, 0, "promoted"),
        (FAILED, 2, 7, "the door is shut"),
        (SUCCESS + FAILED, 2, 7, "the door is shut"),
        (UNREACHABLE, 4, 7, "no route"),
        ("", 1, 7, "status 1 and no result"),
        (SUCCESS, 250, 7, "status 250 and no result"),
    ],
)
def test_a_play_that_failed_is_no_success(
    typed: Typed, played: list[bytes], monkeypatch: pytest.MonkeyPatch, output: str, ended: int, status: int, words: str
) -> None:
    """ansible-core does not write that a result is a failure, only the state before it."""
    play(monkeypatch, played, output, ended)
    done = typed("rotate", "a", "--target", "door")
    assert done.status == status
    assert words in done.messages
    assert len(played) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("{{ lookup('pipe', 'id') }}",),
        ("a", "--host", "{{ x }}"),
        ("a", "--user", "{% set x = 1 %}"),
        ("a", "--workflow", "{# x #}"),
        ("a", "--scope-tag", "a={{ x }}"),
    ],
)
def test_no_argument_is_a_template(typed: Typed, played: list[bytes], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    play(monkeypatch, played, SUCCESS, 0)
    done = typed("rotate", *arguments, "--target", "door")
    assert (done.status, played) == (2, [])
    assert "it is a template" in done.messages
