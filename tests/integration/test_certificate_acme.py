# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that an ACME service issues: Pebble, counted in its log, and answers that a script gives (C5)."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    RefreshFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import acme_order
from tests.conftest import cannot_run
from tests.servers import pebble, scripted
from tests.servers.processes import ServerUnavailable
from tests.servers.scripted import Answer
from tests.unit.types.certificate.certified import needs_openssl, open_memory, openssl, rotate, verify, write

ELSEWHERE = "127.0.0.2"
"""An address at which the web server of the test is not."""
REGISTERED = "accounts in memory"
"""What Pebble logs when it has registered an account."""


def start(**options):
    try:
        with pebble.running(**options) as server:
            yield server
    except ServerUnavailable as error:
        cannot_run(str(error))


@pytest.fixture(scope="module")
def service():
    yield from start()


@pytest.fixture(scope="module")
def binding_service():
    yield from start(requires_binding=True)


@pytest.fixture
def store():
    with open_memory() as made:
        yield made
    acme_order._REFUSED.clear()


def fields(service, **changed):
    common = {"url": service.url, "ca_cert": service.ca_cert, "challenge_directory": str(service.challenges), "accept_terms": "true"}
    return dict(common, **dict({"alt_names": "www.example.com,127.0.0.1"}, **changed))


@needs_openssl
def test_the_first_read_orders_a_certificate_for_our_key_and_later_ones_none(tmp_path, store, service):
    before = service.count()
    store.ensure(**fields(service, contact="admin@example.com"))
    assert service.count() == before, "a write asks for nothing"
    key = store.write(tmp_path, "app", "private_key")
    leaf, chain = (store.write(tmp_path, "app", field) for field in ("certificate", "chain"))
    root = write(tmp_path / "root.pem", service.root)
    for name in ("-verify_hostname", "www.example.com"), ("-verify_ip", "127.0.0.1"):
        assert verify(leaf, root, "-untrusted", chain, "-purpose", "sslserver", *name) == ""
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", leaf, "-noout", "-pubkey")
    assert store.manager.get("app").expires_at > store.now
    assert not store.ensure(**fields(service, contact="admin@example.com")).changed
    assert service.count() == before + 1
    assert list(service.challenges.iterdir()) == [], "the files of the challenges are gone"


def test_the_account_is_kept_for_a_renewal_and_for_a_new_key(store, service):
    registered = service.log.read_text().count(REGISTERED)
    store.ensure(**fields(service, alt_names="www.example.com"))
    first, account, before = store.read(), store.fields()["account_key"], service.count()
    expires_at = store.manager.get("app").expires_at
    store.now = expires_at - timedelta(hours=1)
    assert store.read() != first
    store.now -= timedelta(days=1000)
    rotate(store, "app")
    assert store.read(field="private_key")
    assert (store.fields()["account_key"], service.count()) == (account, before + 2)
    assert service.log.read_text().count(REGISTERED) == registered + 1


def test_a_name_that_cannot_be_verified_is_an_error_and_ordered_once_in_a_while(store, service):
    store.ensure(**fields(service, alt_names=ELSEWHERE))
    before = service.count()
    for _time in range(3):
        with pytest.raises(InvalidInput, match=r"could not verify: '127.0.0.2' \((connection|unauthorized)\)") as caught:
            store.read()
        assert "/.well-known/acme-challenge/" in caught.value.remedy
    assert service.count() == before + 1
    assert list(service.challenges.iterdir()) == []
    store.ensure(**fields(service, alt_names="www.example.com"))
    assert store.read()


def test_an_account_that_has_to_be_bound_is_bound_with_both_fields(store, binding_service):
    store.ensure(**fields(binding_service, alt_names="www.example.com"))
    with pytest.raises(AccessDenied, match="externalAccountRequired"):
        store.read()
    bound = {"login_id": pebble.BINDING_ID, "login_secret": pebble.BINDING_KEY}
    store.ensure(**fields(binding_service, alt_names="www.example.com", **bound))
    assert store.read()
    assert pebble.BINDING_KEY not in binding_service.log.read_text()


HOOK = """#!{python}
import json, sys, urllib.request
action, name, text = sys.argv[1:]
open({seen!r}, "a").write(action + " " + name + "\\n")
if {fails!r}:
    sys.exit("c4n4ry")
body = dict(host=name + ".", **(dict(value=text) if action == "add" else dict()))
urllib.request.urlopen({records!r} + ("/set-txt" if action == "add" else "/clear-txt"), json.dumps(body).encode())
"""


@pytest.fixture
def write_hook(tmp_path, service, monkeypatch):
    """A program that puts records into the DNS, or fails; returns the file in which it keeps its calls."""

    def write_program(fails=False):
        seen = tmp_path / "seen"
        text = HOOK.format(python=sys.executable, seen=str(seen), records=service.records, fails=fails)
        write(tmp_path / "hook", text).chmod(0o700)
        monkeypatch.setenv("NEBULA_CREDENTIAL_ACME_DNS", str(tmp_path / "hook"))
        return seen

    return write_program


def test_a_wildcard_is_verified_by_a_record_that_a_program_of_the_controller_writes(store, service, write_hook):
    seen = write_hook()
    store.ensure(**fields(service, alt_names="*.example.com,example.com", challenge="dns", challenge_directory=None))
    assert store.read()
    calls = seen.read_text().splitlines()
    assert sorted(calls) == ["add _acme-challenge.example.com"] * 2 + ["remove _acme-challenge.example.com"] * 2


def test_a_program_for_records_that_fails_or_is_not_named_is_an_error_without_its_words(store, service, write_hook, monkeypatch):
    write_hook(fails=True)
    store.ensure(**fields(service, alt_names="www.example.com", challenge="dns", challenge_directory=None))
    with pytest.raises(InvalidConfiguration, match="the program of NEBULA_CREDENTIAL_ACME_DNS ended with status 1") as caught:
        store.read()
    assert "c4n4ry" not in str(caught.value)
    acme_order._REFUSED.clear()
    for wrong in ("", "hook", "'"):
        monkeypatch.setenv("NEBULA_CREDENTIAL_ACME_DNS", wrong)
        with pytest.raises(InvalidConfiguration, match="names no program by its whole path"):
            store.read()
        acme_order._REFUSED.clear()


def test_a_directory_that_cannot_be_written_is_named(tmp_path, store, service):
    store.ensure(**fields(service, alt_names="www.example.com", challenge_directory=str(tmp_path / "none")))
    with pytest.raises(CredentialError, match=r"no file can be written in .*No such file or directory"):
        store.read()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"alt_names": "*.example.com"}, "HTTP cannot verify"),
        ({"alt_names": "email:a@example.com"}, "HTTP cannot verify"),
        ({"alt_names": None, "common_name": "no name"}, "has none, or one that HTTP cannot verify"),
        ({"accept_terms": None}, "'accept_terms' of type 'certificate' is missing, which 'issuer: acme' needs"),
        ({"accept_terms": "false"}, "'accept_terms' of type 'certificate' is none of the values allowed"),
        ({"challenge_directory": "here"}, "is missing, or no absolute path"),
        ({"challenge_directory": None, "challenge": "http"}, "'challenge_directory' of type 'certificate' is missing"),
        ({"challenge": "dns"}, "'challenge_directory' of type 'certificate' has no effect with 'challenge: dns'"),
        ({"challenge": "dns", "challenge_directory": None, "alt_names": "127.0.0.1"}, "the DNS cannot verify"),
        ({"login_id": "key"}, "'login_id' of type 'certificate' is given without 'login_secret'"),
        ({"valid_for": "90d"}, "'valid_for' of type 'certificate' has no effect with 'issuer: acme'"),
        ({"role": "web", "issuer": "acme"}, "'role' of type 'certificate' has no effect with 'issuer: acme'"),
    ],
    ids=str,
)
def test_fields_that_do_not_fit_are_refused_before_any_request(store, changed, says):
    given = {"url": "https://127.0.0.1:1/dir", "challenge_directory": "/tmp", "accept_terms": "true", "alt_names": "www.example.com"}
    with pytest.raises(InvalidInput) as caught:
        store.ensure(**dict(given, **changed))
    assert says in str(caught.value)


def refuse(status, code, directory=True):
    """A service that refuses every account with a code; its text must not be shown."""

    def answer(request):
        base = "http://" + request.headers["host"]
        if request.path == "/dir" and directory:
            return Answer(200, {"newNonce": base + "/nonce", "newAccount": base + "/account", "newOrder": base + "/order"})
        if request.path == "/nonce":
            return Answer(200, {}, {"Replay-Nonce": "bm9uY2U"})
        problem = {"type": "urn:ietf:params:acme:error:" + code, "detail": "c4n4ry"}
        return Answer(status, problem, {"Replay-Nonce": "bm9uY2U"})

    return answer


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (429, "rateLimited", Unavailable, r"refuses the order \(rateLimited\)"),
        (503, "serverInternal", Unavailable, "responded with status 503"),
        (403, "userActionRequired", AccessDenied, r"refuses the order \(userActionRequired\)"),
        (400, "invalidContact", InvalidInput, r"refuses the order \(invalidContact\)"),
        (400, "c4n4ry", InvalidInput, "a code that is not known here"),
    ],
)
def test_a_refusal_of_the_service_is_shown_by_its_code_alone(store, tmp_path, status, code, error, says):
    with scripted.running(refuse(status, code)) as server:
        store.ensure(url=server.url + "/dir", challenge_directory=str(tmp_path), accept_terms="true", alt_names="www.example.com")
        with pytest.raises(RefreshFailed if error is Unavailable else error, match=says) as caught:
            store.read()
    assert "c4n4ry" not in str(caught.value)


def test_an_address_that_is_no_acme_service_is_named(store, tmp_path):
    with scripted.running(lambda _request: Answer(200, {"hello": "c4n4ry"})) as server:
        store.ensure(url=server.url + "/dir", challenge_directory=str(tmp_path), accept_terms="true", alt_names="www.example.com")
        with pytest.raises(StorageError, match="does not speak ACME") as caught:
            store.read()
    assert "c4n4ry" not in str(caught.value)


ORDERED = """
- nebula.credential.credential:
    name: www
    type: certificate
    fields: "{{ fields | combine({'accept_terms': true}) }}"
- name: read
  ansible.builtin.debug:
    msg: "{{ lookup('nebula.credential.get', 'www', field='fullchain') }}"
- name: read again
  ansible.builtin.debug:
    msg: "{{ lookup('nebula.credential.get', 'www', field='certificate') }}"
"""


def test_plays_order_one_certificate_and_show_no_key(project, service):
    before = service.count()
    for _run in range(2):
        run = project.play(ORDERED, variables=json.dumps({"fields": fields(service)})).succeeded()
        assert run.result("read")["msg"].startswith(run.result("read again")["msg"].strip())
        assert "PRIVATE KEY" not in run.output
    assert service.count() == before + 1
