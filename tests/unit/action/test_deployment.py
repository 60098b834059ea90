# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `deploy`: what is sent to a host whose files change between its two steps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from ansible_collections.nebula.credential.plugins.plugin_utils.action import deployment
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployment import Deployment, File
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import Content


def deploying(monkeypatch, states):
    """Return a deployment of the files /a and /b, to a host on which the files of the next entry differ at each step; and what it gets."""
    sent = []

    def run(_action, _module, _arguments, work, _variables):
        differing = next(states)
        sent.append([file["dest"] for file in work["files"] if "content" in file])
        rows = [{"before": {}, "versions": {}, "differs": ["content"] if file["dest"] in differing else []} for file in work["files"]]
        return {"files": rows, "is_done": set(differing) <= set(sent[-1]), "unnoted": []}

    monkeypatch.setattr(deployment, "run_on_host", run)
    options = {"state": "present", "mode": "0600"}
    files = [File({**options, "dest": dest}, Content(b"s3cret", {"db": "1"}, {})) for dest in ("/a", "/b")]
    return Deployment(SimpleNamespace(_task=SimpleNamespace(check_mode=False)), {}, files), sent


def test_a_file_that_changes_between_the_steps_is_written_too(monkeypatch):
    """The host writes nothing as long as it lacks a content, so what is reported would not be there."""
    task, sent = deploying(monkeypatch, iter([["/a"], ["/a", "/b"], ["/a", "/b"]]))
    result = task.carry_out()
    assert sent == [[], ["/a"], ["/a", "/b"]]
    assert [row["changed"] for row in result["files"]] == [True, True]


def test_a_host_that_never_writes_is_no_success(monkeypatch):
    task, sent = deploying(monkeypatch, iter([["/a"], ["/a", "/b"], ["/a", "/b", "/c"], ["/a", "/b", "/c"]]))
    with pytest.raises(Conflict, match="changed by another program"):
        task.carry_out()
    assert len(sent) == 4
