# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Consumers are informed after a rotation. One that fails undoes nothing, is in the report, and is informed by the next run."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.integration.nights import Night
from tests.servers import scripted
from tests.servers.scripted import Answer

KEY = "w3bhook-key"


@pytest.fixture
def night(project: Any) -> Night:
    return Night(project)


def verify(request: Any) -> bool:
    """As a receiver does: by the key, the timestamp and the body."""
    signed = request.headers["x-nebula-timestamp"].encode() + b"." + request.content
    expected = "sha256=" + hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, request.headers["x-nebula-signature"])


def add_hook_key(night: Night) -> None:
    night.add("hooks/key", age=0, value=Secret(KEY))


def test_a_webhook_a_program_and_a_template_are_informed_once_of_all_credentials_of_their_target(night: Night) -> None:
    door, reloaded, rendered = night.add_door("a"), night.project.directory / "reloaded", night.project.directory / "rendered"
    night.add("b", "cookies")
    night.add("c", "cookies")
    add_hook_key(night)
    source = night.project.write("source.j2", "{{ lookup('nebula.credential.get', 'a') }}\n")
    with scripted.running(lambda _request: Answer(204)) as server:
        hook = {"kind": "webhook", "url": server.url + "/rotated", "secret_credential": "hooks/key"}
        night.targets["cookies"] = {"kind": "none", "consumers": [hook]}
        night.targets["a"]["consumers"] = [
            {"kind": "command", "argv": ["/bin/sh", "-c", "echo reload >>{0}".format(reloaded)]},
            {"kind": "template", "src": str(source), "dest": str(rendered)},
        ]
        output = night.run().succeeded().output
        assert night.run().succeeded().output.count("consumer") == 0
        (request,) = server.asked
    assert verify(request)
    assert request.json == {"event": "rotated", "store": "local", "target": "cookies", "credentials": ["b", "c"]}
    assert reloaded.read_text() == "reload\n"
    assert rendered.read_text() == door.read_text() == night.value("a") + "\n"
    assert rendered.stat().st_mode & 0o777 == 0o600
    assert "consumer webhook of cookies: informed of 2 credentials" in output
    assert night.value("a") not in output
    assert KEY not in output


def test_one_that_fails_undoes_nothing_is_reported_and_is_informed_by_the_next_run(night: Night) -> None:
    night.add("b", "cookies")
    night.add("d", "cookies")
    add_hook_key(night)
    done, report = night.project.directory / "done", night.project.directory / "report.json"
    statuses = [503, 204]
    with scripted.running(lambda _request: Answer(statuses.pop(0))) as server:
        night.targets["cookies"] = {
            "kind": "none",
            "consumers": [
                {"kind": "webhook", "url": server.url, "secret_credential": "hooks/key", "name": "chat"},
                {"kind": "command", "argv": ["/bin/sh", "-c", "echo x >>{0}".format(done)]},
            ],
        }
        first = night.run(rotate_report=str(report))
        assert first.returncode == 2
        assert "consumer chat of cookies" in first.failed()
        assert [(row["consumer"], row["result"]) for row in json.loads(report.read_text())["consumers"]] == [
            ("chat", "failed"),
            ("command", "informed"),
        ]
        assert night.versions() == {"b": "2", "d": "2", "hooks/key": "1"}
        second = night.run().succeeded()
    assert "nothing is due" in second.output
    assert re.findall(r"^consumer (\S+) of cookies: informed", second.output, re.MULTILINE) == ["chat"]
    assert done.read_text() == "x\n"
    assert night.versions() == {"b": "2", "d": "2", "hooks/key": "1"}


PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - nebula.credential.credential_rotate_due:
  handlers:
    - {{name: reload the shop, ansible.builtin.copy: {{content: x, dest: {0}, mode: "0600"}}}}
"""


def test_a_handler_is_notified_by_a_run_that_does_not_fail_and_else_by_the_next_one(night: Night) -> None:
    night.add("b", "cookies")
    night.add("typo", "biscuits")
    night.targets["cookies"] = {"kind": "none", "consumers": [{"kind": "handler", "handler": "reload the shop"}]}
    night.command()
    handled = night.project.directory / "handled"
    play = str(night.project.write("night.yml", PLAY.format(handled)))
    first = night.project.run("ansible-playbook", play)
    assert first.returncode == 2
    assert not handled.exists()
    night.targets["biscuits"] = {"kind": "none"}
    night.command()
    night.project.run("ansible-playbook", play).succeeded()
    assert handled.exists()
    handled.unlink()
    night.project.run("ansible-playbook", play).succeeded()
    assert not handled.exists()


def test_a_handler_that_the_play_does_not_have_is_not_informed(night: Night) -> None:
    night.add("b", "cookies")
    night.targets["cookies"] = {"kind": "none", "consumers": [{"kind": "handler", "handler": "reload the shop"}]}
    for _night in range(2):
        assert "the play has no handler 'reload the shop'" in night.run().failed()
    assert night.versions() == {"b": "2"}


@pytest.mark.parametrize(
    ("consumer", "words"),
    [
        ({"kind": "webhok", "url": "x"}, "Did you mean 'webhook'"),
        ({"kind": ["webhook"]}, "there is no kind ['webhook']"),
        ({"kind": "command", "argv": []}, "'argv' is empty"),
        ({"kind": "webhook", "url": "https://x"}, "secret_credential"),
        ({"kind": "command", "argv": ["x"], "shell": True}, "Unsupported parameters"),
        ({"kind": "template", "src": "a.j2", "dest": "/b"}, "no absolute path"),
        ({"kind": "command", "argv": ["x"], "time_limit": 0}, "time_limit"),
    ],
)
def test_a_consumer_that_is_described_wrongly_is_refused_before_anything_is_rotated(
    night: Night, consumer: dict[str, Any], words: str
) -> None:
    night.add("b", "cookies")
    night.targets["cookies"] = {"kind": "none", "consumers": [consumer]}
    message = night.run().failed()
    assert "targets.cookies.consumers[0]" in message
    assert words in message
    assert night.versions() == {"b": "1"}
