# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation costs a server, of a credential and of the master key, counted by the server's own log.

A database counts statements, the others requests.
"""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import HARNESSES, KINDS
from tests.conftest import PROFILE
from tests.servers import front, once
from tests.unit.store.managing import ask

COUNTED = [kind for kind in KINDS if "rotation" in kind.most]


@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.label)
def test_a_rotation_without_a_target_makes_at_most_so_many(kind, tmp_path):
    """The current value, the journal and the other stages are read once each; the journal, the value and the journal's end are written."""
    manager = open_store(kind.configuration(tmp_path, audit="off"))
    ask(manager, "credential", name="db", state="present", type="basic", fields={"username": "app"}, value="the old value")
    seen = []
    for _each in range(3):  # the later ones find what a deleted journal leaves
        before = kind.requests(tmp_path)
        assert ask(manager, "credential_rotate", name="db", target="none").result["outcome"] == "promoted"
        seen.append(kind.requests(tmp_path) - before)
    assert 0 < max(seen) <= kind.most["rotation"], seen


NUMBER = 200 if PROFILE == "long" else 40
FIXED = 60
"""What a rotation of the master key does once: it lists each stage twice, reads and writes the store's document, opens connections."""
SEALED = [kind for kind in KINDS if "envelope" in kind.most]
ON_HTTP = [kind for kind in SEALED if not backend_class(kind.backend).capabilities.batch_get]
AT_ONCE = 8
ROWS = 4 * AT_ONCE
LONG = {"read_timeout": 120.0, "write_timeout": 120.0}
"""A held request must not end by its time limit on a busy machine."""


@pytest.mark.parametrize("kind", SEALED, ids=lambda kind: kind.label)
def test_a_rotation_of_the_master_key_makes_at_most_so_many_for_each_envelope(kind, tmp_path):
    """Each value is read, rewritten, and read again by the pass that finds nothing left."""
    manager = open_store(kind.configuration(tmp_path, audit="off"))
    for number in range(NUMBER):
        ask(manager, "credential", name="c{0}".format(number), state="present", value="a value")
    before = kind.requests(tmp_path)
    assert ask(manager, "store_key", state="rotated").result["rotation"]["envelopes"] == NUMBER
    assert kind.requests(tmp_path) - before <= kind.most["envelope"] * NUMBER + FIXED


@pytest.mark.parametrize("kind", SEALED, ids=lambda kind: kind.label)
def test_a_rotation_of_the_master_key_reads_kept_versions_once(kind, tmp_path):
    """Each is read and rewritten. The pass that finds nothing left reads none: no value has been added since."""
    manager = open_store(kind.configuration(tmp_path, audit="off"))
    for value in ("a value", "another value"):
        for number in range(NUMBER):
            ask(manager, "credential", name="c{0}".format(number), state="present", value=value)
    before = kind.requests(tmp_path)
    assert ask(manager, "store_key", state="rotated").result["rotation"]["envelopes"] == 2 * NUMBER
    assert kind.requests(tmp_path) - before <= kind.most["envelope with a kept one"] * NUMBER + FIXED


@pytest.mark.parametrize("kind", ON_HTTP, ids=lambda kind: kind.label)
def test_a_rotation_of_the_master_key_rewrites_eight_envelopes_at_once(kind, tmp_path, monkeypatch):
    """A proxy lets eight requests through together, so fewer at once would never get an answer."""
    config = kind.configuration(tmp_path, audit="off", **LONG)
    address = HARNESSES[kind.backend].address
    upstream, each = config[address], max(1, kind.most["envelope"] - 2)
    filling = open_store(config)
    for number in range(ROWS):
        ask(filling, "credential", name="c{0}".format(number), state="present", value="a value")
    verify = str(once.server(kind.server).ca_cert) if upstream.startswith("https:") else None
    rounds = []
    with front.running(upstream, verify) as before:
        map_part = Parallelism._map_part

        def hold(self, part, work):
            if work.__name__ != "_move_row" or rounds:
                return map_part(self, part, work)
            before.hold(AT_ONCE, each * len(part))
            moved = map_part(self, part, work)
            rounds.append((len(part), before.asked, before.rounds))
            return moved

        monkeypatch.setattr(Parallelism, "_map_part", hold)
        manager = open_store({**config, address: before.url})
        assert ask(manager, "store_key", state="rotated").result["rotation"]["envelopes"] == ROWS
    assert rounds == [(ROWS, each * ROWS, each * ROWS // AT_ONCE)]
