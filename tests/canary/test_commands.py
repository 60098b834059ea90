# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play on a store behind a command: neither its values nor its secret are in arguments, environments, logs or messages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.backends.custom import run_recipe
from tests.canary import canaries
from tests.canary.channels import everywhere
from tests.canary.sandbox import Sandbox
from tests.canary.search import Searcher

COMMAND = """
import hashlib, io, json, os, runpy, sys
content = sys.stdin.buffer.read()
with open({log!r}, "a") as file:
    file.write(repr([sys.argv, dict(os.environ), os.getcwd()]) + chr(10))
sys.stdin = io.TextIOWrapper(io.BytesIO(content))
sys.path.insert(0, os.path.dirname({recipe!r}))
secret = json.loads(content).get("secret", "")
if hashlib.sha256(secret.encode()).hexdigest() != {digest!r}:
    sys.stderr.write(secret)
    print(json.dumps(dict(protocol=1, error=dict(code="login_failed", message="refused: " + secret))))
else:
    runpy.run_path({recipe!r}, run_name="__main__")
"""
"""A command that notes what others see of it, and that says in its message and on its error output what it must not."""


def configure(sandbox: Sandbox, secret: str, right: str):
    """A store that the command opens with the secret `right`, and the environment of the run."""
    from hashlib import sha256

    (recipe,) = run_recipe("file_store")[-1:]
    code = COMMAND.format(log=str(sandbox.root / "command.log"), recipe=recipe, digest=sha256(right.encode()).hexdigest())
    command = sandbox.path("given") / "command.py"
    command.write_text(code)
    file = sandbox.root / "nebula.yml"
    file.write_text("extensions: [custom]\n")
    file.chmod(0o600)
    store = {
        "backend": "custom",
        "command": [sys.executable, "-S", "-E", "-s", str(command)],
        "options": {"directory": str(sandbox.path("given") / "store")},
        "secret": secret,
        "read_timeout": 120,
        "write_timeout": 120,
    }
    return store, {"NEBULA_CREDENTIAL_CONFIG": str(file)}


@pytest.mark.parametrize("session", ["false", "true"])
def test_no_secret_shows_in_a_play_on_a_command(session: str, given, sandbox: Sandbox) -> None:
    secret = canaries.make_plain()
    store, environment = configure(sandbox, secret, secret)
    ended = sandbox.play(
        "provision.yml", dict(given, canary_store=store), ["--diff"], {**environment, "NEBULA_CREDENTIAL_SESSION": session}
    )
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert (sandbox.root / "command.log").stat().st_size
    blobs = [*everywhere(sandbox), *_read_log(sandbox)]
    assert Searcher({**given, "secret": secret}).hits(blobs) == []


def test_a_secret_that_the_command_refuses_and_prints_does_not_show(given, sandbox: Sandbox) -> None:
    store, environment = configure(sandbox, given["plain_canary"], "another")
    sandbox.play("wrong_login.yml", dict(given, canary_store=store), [], environment)
    assert b"login_failed" in sandbox.output, sandbox.output[-3000:].decode("utf-8", "replace")
    assert Searcher(given).hits([*everywhere(sandbox), *_read_log(sandbox)]) == []


def _read_log(sandbox: Sandbox):
    log: Path = sandbox.root / "command.log"
    return [(str(log), log.read_bytes())]


def test_a_leak_into_the_commands_environment_is_found(given, sandbox: Sandbox) -> None:
    (sandbox.root / "command.log").write_text(json.dumps({"TOKEN": given["plain_canary"]}))
    assert Searcher(given).hits(_read_log(sandbox))
