# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any path of a real OpenBao in plays: by one login a run, its engines by their shorthands, hidden where it is secret, audited."""

from __future__ import annotations

import json
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from tests.integration.counted import ON, Counted
from tests.integration.leased_logins import Logins
from tests.servers import once
from tests.servers.processes import wait_until

pytestmark = pytest.mark.server
EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'


@pytest.fixture
def counted(project):
    """The store of a project, whose login may do everything, and counts."""
    counted = Counted()
    counted.server.policy(counted.store.prefix, EVERYTHING)
    project.write(
        "nebula.yml", json.dumps({"default": "prod", "stores": {"prod": counted.configured(audit="batched", audit_path="trail")}})
    )
    project.write("ansible.cfg", "[defaults]\n")
    return counted


@pytest.fixture
def own():
    """A name of this test's own."""
    return "r" + uuid.uuid4().hex[:10]


def test_requests_in_loops_and_lookups_log_in_once(project, counted, own):
    """Twenty requests of a module, twenty of a lookup, and twenty reads of a credential."""
    counted.fill("db_pass")
    run = project.play(
        """
- {name: sent, nebula.credential.vault_request: {path: sys/mounts, sensitive: false}, loop: "{{ range(20) | list }}"}
- name: looked up
  ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.vault', 'sys/auth') | length + item }}"}
  loop: "{{ range(20) | list }}"
- name: kept
  ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.vault', 'sys/policies/acl', request='list', cache='5m') | length + item }}"}
  loop: "{{ range(20) | list }}"
- ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db_pass') | length }}"}
  loop: "{{ range(20) | list }}"
- nebula.credential.vault_request: {request: wrap, data: {a: b}}
- ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db_pass') | length }}"}
""",
        **ON,
    ).succeeded()
    asked = [one["path"].rstrip("/") for one in counted._asked()]
    assert (counted.logins(), counted.reads()) == (1, {"db_pass": 1})
    assert [asked.count(path) for path in ("sys/mounts", "sys/auth", "sys/policies/acl")] == [20, 20, 1]
    assert "secret/" in run.result("sent")["results"][0]["data"]


def test_keys_and_requests_are_signed_by_their_shorthands(project, counted, own):
    server = counted.server
    for engine in ("ssh", "pki"):
        server.enable(engine, own + engine)
    server.call("POST", own + "ssh/config/ca", {"generate_signing_key": True})
    server.call("POST", own + "ssh/roles/people", {"key_type": "ca", "allow_user_certificates": True, "allowed_users": "*"})
    server.call("POST", own + "pki/root/generate/internal", {"common_name": "the root", "ttl": "1h"})
    server.call("POST", own + "pki/roles/web", {"allow_any_name": True, "key_type": "any", "ttl": "10m"})
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example.com")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    given = {
        "own": own,
        "csr": csr.public_bytes(serialization.Encoding.PEM).decode(),
        "public": public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode(),
    }
    run = project.play(
        """
- name: ssh
  nebula.credential.vault_request: {ssh_sign: {mount: "{{ own }}ssh", role: people, public_key: "{{ public }}", principals: [deploy, ops]}}
- name: pki
  nebula.credential.vault_request: {pki_sign: {mount: "{{ own }}pki", role: web, csr: "{{ csr }}", alt_names: [www.example.com]}}
""",
        variables=json.dumps(given),
        **ON,
    ).succeeded()
    assert run.result("ssh")["data"]["signed_key"].startswith("ssh-ed25519-cert-v01@openssh.com ")
    made = x509.load_pem_x509_certificate(run.result("pki")["data"]["certificate"].encode())
    assert made.public_key() == key.public_key()
    assert [run.result(task)["changed"] for task in ("ssh", "pki")] == [True, True]


def test_texts_are_encrypted_by_a_key_that_stays_on_the_server(project, counted, own):
    counted.server.enable("transit", own)
    run = project.play(
        """
- name: encrypt
  nebula.credential.vault_request: {transit: {mount: "{{ own }}", action: encrypt, key: orders, text: grüß Gott}}
  register: encrypted
- name: decrypt
  nebula.credential.vault_request: {transit: {mount: "{{ own }}", action: decrypt, key: orders, ciphertext: "{{ it }}"}}
  register: decrypted
- name: rewrap
  nebula.credential.vault_request: {transit: {mount: "{{ own }}", action: rewrap, key: orders, ciphertext: "{{ it }}"}}
- name: hmac
  nebula.credential.vault_request: {transit: {mount: "{{ own }}", action: hmac, key: orders, binary: AAEC}}
- ansible.builtin.assert: {that: "decrypted.text == 'grüß Gott'", quiet: true}
""",
        variables=json.dumps({"own": own, "it": "{{ encrypted.data.ciphertext }}"}),
        **ON,
    ).succeeded()
    assert run.result("rewrap")["data"]["ciphertext"].startswith("vault:v1:")
    assert [run.result(task)["changed"] for task in ("encrypt", "hmac")] == [False, False]
    assert "censored" in run.result("decrypt")
    assert "Gott" not in run.output
    assert counted.logins() == 1


def test_a_secret_can_be_used_later_and_no_output_shows_it(project, counted, own):
    run = project.play(
        """
- name: write
  nebula.credential.vault_request: {path: "secret/data/{{ own }}", request: write, data: {data: {password: canary-one, user: app}}}
- name: wrap
  nebula.credential.vault_request: {request: wrap, data: {note: canary-two}, wrap_ttl: 1m}
  register: wrapped
- name: unwrap
  nebula.credential.vault_request: {request: unwrap, token: "{{ wrapped.wrap_info.token }}"}
  register: unwrapped
- name: again
  nebula.credential.vault_request: {request: unwrap, token: "{{ wrapped.wrap_info.token }}"}
  register: again
  ignore_errors: true
- name: read
  nebula.credential.vault_request: {path: "secret/data/{{ own }}"}
  register: found
  loop: [1, 2]
- name: field
  ansible.builtin.assert:
    that:
      - found.results[1].data.data.password == 'canary-' ~ 'one'
      - unwrapped.data.note == 'canary-' ~ 'two'
      - again.code == 'invalid_input'
      - lookup('nebula.credential.vault', 'secret/data/' ~ own, field='data').user == 'app'
      - lookup('nebula.credential.vault', 'secret/data/' ~ own ~ 'x', default='none') == 'none'
    quiet: true
""",
        "-vvv",
        variables=json.dumps({"own": own}),
        **ON,
    ).succeeded()
    assert "canary-one" not in run.output.replace("password: canary-one", "")
    assert run.output.count("canary-two") == 0
    assert all("censored" in run.result(task) for task in ("write", "wrap", "unwrap"))
    entries = [json.loads(line) for line in (project.directory / "trail").read_text(encoding="utf-8").splitlines()]
    noted = [(entry["action"], entry.get("name"), entry["result"]) for entry in entries if entry["action"].startswith("request_")]
    assert noted[0] == ("request_write", "secret/data/" + own, "ok")
    assert ("request_read", "secret/data/" + own + "x", "not_found") in noted
    assert "canary" not in json.dumps(entries)


def test_a_token_ends_with_the_run(project, counted, own):
    """The task uses it; the session's login, below which it was made, takes it along."""
    counted.server.policy(own, 'path "sys/mounts" { capabilities = ["read"] }')
    run = project.play(
        """
- nebula.credential.vault_request: {token_create: {policies: ["{{ own }}"], ttl: 10m}}
  register: made
- ansible.builtin.uri:
    url: "{{ url }}/v1/sys/mounts"
    headers: {X-Vault-Token: "{{ made.auth.client_token }}"}
  no_log: true
- ansible.builtin.copy: {content: "{{ made.auth.accessor }}", dest: "{{ playbook_dir }}/accessor", mode: "0600"}
""",
        variables=json.dumps({"own": own, "url": counted.server.url}),
        **ON,
    ).succeeded()
    accessor = (project.directory / "accessor").read_text()
    assert "s." not in run.output
    wait_until(lambda: accessor not in counted.server.call("LIST", "auth/token/accessors")["data"]["keys"], process=counted.server._process)


def test_a_login_of_a_database_under_a_configured_token_is_revoked_at_the_end(project, own):
    logins = Logins(once.openbao(), once.postgresql(), own)
    rights = 'path "{0}/creds/*" {{ capabilities = ["read"] }}\npath "sys/leases/revoke" {{ capabilities = ["update"] }}'.format(
        logins.mount
    )
    token = logins.bao.token(logins.bao.policy(own, rights))
    store = {"backend": "vault", "url": logins.bao.url, "auth": {"token": token}, "audit": "off"}
    project.play(
        """
- name: got
  nebula.credential.vault_request: {path: "{{ mount }}/creds/readonly", cache: 5m}
  register: got
  loop: "{{ range(5) | list }}"
- ansible.builtin.assert: {that: "got.results | map(attribute='data.username') | unique | length == 1", quiet: true}
""",
        variables=json.dumps({"nebula_credential_store": store, "mount": logins.mount}),
        **ON,
    ).succeeded()
    assert len(logins.asked()) == 1
    wait_until(lambda: not logins.leases(), process=logins.bao._process)


def test_a_code_is_not_used_past_its_end(project, counted, own):
    """The engine `totp`, read as a store of leased secrets: a code says when it ends, and has no lease."""
    server = counted.server
    server.enable("totp", own)
    server.call("POST", own + "/keys/app", {"generate": True, "issuer": "test", "account_name": "app", "period": 1})
    store = dict(counted.configured(), engine="dynamic", mount=own, lease_path="code/{name}")
    store.pop("prefix", None)
    read = "- ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'app', field='code') | length }}\"}\n"
    given = json.dumps({"nebula_credential_store": store})
    project.play(read + "- ansible.builtin.command: sleep 2\n" + read, variables=given, **ON).succeeded()
    assert len(server.requests(own + "/code/")) == 2


def test_a_denied_path_names_what_a_policy_lacks(project, counted, own):
    counted.server.policy(counted.store.prefix, 'path "sys/mounts" { capabilities = ["read"] }')
    message = project.play("- nebula.credential.vault_request: {path: sys/auth}", **ON).failed()
    assert 'path "sys/auth" { capabilities = ["read"] }' in message


def test_the_module_runs_on_a_host_too(project, counted, own):
    run = project.play(
        """
- name: there
  nebula.credential.vault_request: {path: sys/mounts, run_on: target}
  register: there
- ansible.builtin.assert: {that: "'secret/' in there.data", quiet: true}
""",
        **ON,
    ).succeeded()
    assert "censored" in run.result("there")


def test_a_store_is_reached_by_the_variables_of_another_collection(project, counted):
    """As inventories and AWX have them: no login is written in the store."""
    counted.fill("db_pass")
    given = {"ansible_hashi_vault_url": counted.server.url, "ansible_hashi_vault_auth_method": "approle"}
    names = {"mount": "mount_point", "role_id": "role_id", "secret_id": "secret_id"}
    given.update(("ansible_hashi_vault_" + names[part], value) for part, value in counted.auth.items() if part != "method")
    store = {"backend": "vault", "audit": "off", "prefix": counted.store.prefix}
    read = "lookup('nebula.credential.get', 'db_pass') == 'v4lue of ' ~ 'db_pass'"
    project.play(
        '- ansible.builtin.assert: {{that: "{0}", quiet: true}}\n  loop: [1, 2, 3]'.format(read),
        variables=json.dumps({"nebula_credential_store": store, **given}),
        **ON,
    ).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"db_pass": 1})
