# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session and its run have in common: the framing, the messages, what is asked (J1)."""

from __future__ import annotations

import json
import os
import socket
import threading
from datetime import datetime, timezone

import pytest
from ansible._internal._templating._utils import Omit
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.lookup import get
from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.session import messages
from ansible_collections.nebula.credential.plugins.plugin_utils.session import protocol as wire
from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import abandon_session, read_abandoned
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.connection import LONGEST_REQUEST, ClientConnection
from tests.unit.audit.place import Place, fill


def test_a_heartbeat_is_never_the_beginning_of_a_reply():
    assert wire.LENGTH.unpack(wire.HEARTBEAT + b"\0\0\0")[0] > get.LONGEST_REPLY
    assert wire.LENGTH.unpack(wire.HEARTBEAT + b"\0\0\0")[0] > LONGEST_REQUEST


def kinds(kind=errors.CredentialError):
    return [kind, *(one for below in kind.__subclasses__() for one in kinds(below))]


KINDS = [kind for kind in kinds() if "code" in vars(kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_arrives_as_what_it_was(kind):
    error = kind("it went wrong", remedy="Do it.", option="o", name="n", store="s").annotate(retry_after=2.5, outcome_unknown=True)
    found = messages.error_from(json.loads(json.dumps(messages.describe_error(error))))
    assert (type(found), str(found)) == (errors.Internal if kind is errors.CredentialError else kind, str(error))
    assert (found.retry_after, found.outcome_unknown) == (2.5, True)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_an_outcome_arrives_with_its_secrets(secrets):
    outcome = Outcome({"value": "x", "changed": True}, tuple(map(Secret, secrets)))
    found = messages.outcome_of(json.loads(json.dumps(messages.describe_outcome(outcome))))
    assert (found.result, [each.expose() for each in found.secrets]) == (outcome.result, secrets)


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=8), st.binary(max_size=60))
def test_a_request_comes_in_in_whatever_parts_or_not_at_all(parts, content):
    """A caller never reads more than one request, and takes nothing for one that is none."""
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        caller, sent = ClientConnection(here), wire.LENGTH.pack(len(content)) + content
        for at in range(0, len(sent), max(1, len(parts[0]))):
            there.sendall(sent[at : at + max(1, len(parts[0]))])
            found = caller.receive()
        assert found == content
        there.sendall(b"more")
        caller.working = True
        with pytest.raises(ConnectionError):
            caller.receive()


def test_a_reply_goes_as_fast_as_it_is_taken():
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        caller, content, taken = ClientConnection(here), os.urandom(3_000_000), bytearray()
        done = caller.reply(content)
        assert not done
        while not done:
            taken += there.recv(1 << 20)
            done = caller.send()
        here.close()
        while part := there.recv(1 << 20):
            taken += part
        assert bytes(taken) == wire.LENGTH.pack(len(content)) + content


STORES = {"nebula_credential_stores": {"prod": {"backend": "vault", "token": "{{ token }}"}}, "nebula_credential_store": "prod"}


def digest(variables=None, token="one", **given):
    return get.digest("get", given, STORES if variables is None else variables, lambda text: text.replace("{{ token }}", token))


def test_a_way_of_asking_is_another_one_wherever_another_store_or_caller_may_answer(monkeypatch, tmp_path):
    questions = [digest(), digest(token="two"), digest(field="password"), digest(store="other")]
    questions.append(digest({**STORES, "nebula_credential_scope": {"workflow": "deploy"}}))
    questions.append(digest({**STORES, "awx_user_name": "somebody"}))
    questions.append(digest({**STORES, "nebula_credential_store": "test"}))
    monkeypatch.setenv("NEBULA_CREDENTIAL_CONFIG", str(tmp_path / "nebula.yml"))
    questions.append(digest())
    (tmp_path / "nebula.yml").write_text("default: local\n")
    questions.append(digest())
    (tmp_path / "nebula.yml").write_text("default: other\n")
    questions.append(digest())
    assert len(set(questions)) == len(questions)
    assert digest() == questions[-1]


def test_omit_and_the_value_of_a_default_make_no_other_way_of_asking():
    """So a session that knows the request responds to it, and the lookup loads nothing else."""
    assert digest(field=Omit, version=Omit) == digest()
    assert digest(default=datetime.now(timezone.utc)) == digest(default="none") == digest(default=Omit) != digest()


def test_all_that_give_a_session_up_say_the_same(tmp_path):
    """The reason of the first, and never half of it; nothing else is left."""
    place, start, said = str(tmp_path), threading.Event(), []

    def gives_up():
        start.wait()
        said.append(abandon_session(place, "the reason"))

    def looks():
        start.wait()
        said.extend(why for why in [read_abandoned(place) for _each in range(300)] if why is not None)

    threads = [threading.Thread(target=work) for work in (gives_up, looks, looks, looks, looks)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert set(said) == {"the reason"}
    assert abandon_session(place, "another") == "the reason"
    assert [path.name for path in tmp_path.iterdir()] == ["gone"]


def test_a_template_that_cannot_be_resolved_makes_no_question():
    """The long way tells what is wrong with it."""

    def fails(_text):
        raise KeyError("token")

    assert get.digest("get", {}, STORES, fails) is None
    assert get.digest("get", {"store": object()}, {}, fails) is None


def test_a_vaulted_value_enters_as_ciphertext():
    class Vaulted:
        _ciphertext = "$ANSIBLE_VAULT;1.1;AES256"

        def __str__(self):
            raise AssertionError("it was decrypted")

    assert get.digest("get", {"store": {"token": Vaulted()}}, {}, str) is not None


def test_a_trail_that_many_threads_write_to_loses_nothing(tmp_path):
    """The threads of a session record while another one writes what is held."""
    place, ended = Place(tmp_path), threading.Event()
    fill(place, reads=0)
    trail = place.open().trail
    trail.leave_to_keeper()

    def keep():
        while not ended.is_set():
            trail.flush()

    def read():
        for _each in range(1000):
            trail.record("read", "ok", "db")

    keeper, *readers = threads = [threading.Thread(target=work) for work in (keep, read, read, read, read)]
    for thread in threads:
        thread.start()
    for thread in readers:
        thread.join()
    ended.set()
    keeper.join()
    trail.flush()
    assert len([entry for entry in place.entries() if entry["action"] == "read"]) == 4000
    assert place.verify() == []
