# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that a CA of the store signs for SSH keys, with OpenSSH's own program as the counterpart (C8)."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Expired, InvalidInput, NotFound, Revoked
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import openssh
from tests.unit.types.ssh import EVERY_KEY, KEYGEN, KIND, NOW, PASSPHRASE, generate, keygen, needs_keygen, secrets, sign, text, write


def test_a_certificate_whose_signature_was_changed_is_refused():
    head, body = sign(generate(), generate()).split()[:2]
    spoilt = "{0} {1}{2}{3}".format(head, body[:-8], "A" if body[-8] != "A" else "B", body[-7:])
    with pytest.raises(InvalidInput, match="no OpenSSH certificate with a valid signature"):
        openssh.read_certificate(spoilt.encode())


def test_a_certificate_of_another_ca_is_stored_with_the_key_and_ends_the_credential():
    fields = generate()
    fields = KIND.validate(dict(fields, certificate=Secret(sign(fields, generate()))))
    assert KIND.expires_at(fields) == NOW + timedelta(days=30)
    assert "certificate" not in KIND.generate({}, fields), "it is of the key that is replaced"


class Store:
    """A store in memory with a CA, and a clock that a test moves."""

    def __init__(self):
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.opened = open_store({"backend": "memory"})
        self.manager = CredentialManager(self.opened.backend, clock=lambda: self.now)
        self.manager.ensure(DesiredCredential("ca", type="ssh_key"))

    def ensure(self, name="app", **fields):
        given = secrets(**dict({"ca": "ca", "principals": "app,deploy"}, **fields))
        return self.manager.ensure(DesiredCredential(name, type="ssh_key", fields=given))

    def read(self, name, field):
        return text(self.manager.token(name, field))


@pytest.fixture
def store():
    opened = Store()
    yield opened
    opened.opened.close()


def describe(tmp_path, store, name="app"):
    """What `ssh-keygen -L` says of a certificate, by its headings."""
    lines = keygen("-L", "-f", write(tmp_path / "cert.pub", store.read(name, "certificate") + "\n")).splitlines()
    found, heading = {}, ""
    for line in lines[1:]:
        if re.match(r" {8}\S", line):
            heading, _colon, rest = line.strip().partition(": " if ": " in line else ":")
            found[heading.strip(": ")] = [rest.strip()] if rest.strip() else []
        else:
            found[heading.strip(": ")].append(line.strip())
    return found


@needs_keygen
def test_ssh_keygen_shows_the_certificate_that_was_asked_for(tmp_path, store):
    store.ensure(extensions="permit-pty,permit-agent-forwarding", valid_for="12h")
    said = describe(tmp_path, store)
    assert said["Type"] == ["ssh-ed25519-cert-v01@openssh.com user certificate"]
    assert said["Signing CA"][0].split()[:2] == ["ED25519", store.read("ca", "fingerprint")]
    assert said["Public key"][0].split()[1] == store.read("app", "fingerprint")
    assert said["Key ID"] == ['"app"']
    assert said["Principals"] == ["app", "deploy"]
    assert said["Critical Options"] == ["(none)"]
    assert said["Extensions"] == ["permit-agent-forwarding", "permit-pty"]


@needs_keygen
def test_a_certificate_of_a_host_has_no_extensions(tmp_path, store):
    store.ensure(certificate_kind="host", principals="web1.example.com")
    said = describe(tmp_path, store)
    assert said["Type"] == ["ssh-ed25519-cert-v01@openssh.com host certificate"]
    assert said["Extensions"] == ["(none)"]


@needs_keygen
@pytest.mark.parametrize("options", EVERY_KEY, ids=str)
def test_openssh_accepts_a_signature_by_a_certified_key_for_its_principals_alone(tmp_path, store, options):
    """`ssh-keygen -Y verify` follows the certificate to the CA that a file trusts, as sshd does."""
    store.manager.ensure(DesiredCredential("other", type="ssh_key", generate=options))
    given = secrets(ca="other", principals="app,deploy")
    store.manager.ensure(DesiredCredential("app", type="ssh_key", fields=given, generate=options))
    key = write(tmp_path / "key", store.read("app", "private_key"))
    write(tmp_path / "key-cert.pub", store.read("app", "certificate") + "\n")
    message = write(tmp_path / "message", "text")
    keygen("-q", "-Y", "sign", "-n", "test", "-f", tmp_path / "key-cert.pub", message)
    assert key.exists()
    for principal, ca, accepted in (("app", "other", True), ("deploy", "other", True), ("root", "other", False), ("app", "ca", False)):
        trusted = write(tmp_path / "trusted", "{0} cert-authority {1}\n".format(principal, store.read(ca, "public_key")))
        command = [KEYGEN, "-Y", "verify", "-n", "test", "-f", trusted, "-I", principal, "-s", tmp_path / "message.sig"]
        done = subprocess.run(command, input="text", capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is accepted, done.stderr + done.stdout


def test_a_certificate_is_kept_until_a_third_of_its_time_is_left(store):
    first = store.ensure(valid_for="30d")
    assert first.credential.expires_at == store.now + timedelta(days=30)
    key, certificate = store.read("app", "private_key"), store.read("app", "certificate")
    store.now += timedelta(days=20)
    assert not store.ensure(valid_for="30d").changed
    store.now += timedelta(hours=1)
    renewed = store.ensure(valid_for="30d")
    assert (renewed.changed, renewed.generated) == (True, False)
    assert renewed.credential.expires_at == store.now + timedelta(days=30)
    assert store.read("app", "certificate") != certificate
    assert store.read("app", "private_key") == key


def test_a_certificate_that_has_expired_is_signed_again(store):
    store.ensure()
    store.now += timedelta(days=31)
    assert store.ensure().credential.usable


@pytest.mark.parametrize(
    "changed",
    [{"principals": "app"}, {"valid_for": "7d"}, {"certificate_kind": "host"}, {"extensions": "permit-user-rc"}, {"ca": "ca2"}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_certificate_is_signed_again_when_its_terms_differ(store, changed):
    store.manager.ensure(DesiredCredential("ca2", type="ssh_key"))
    store.ensure()
    certificate = store.read("app", "certificate")
    assert store.ensure(**changed).changed
    assert store.read("app", "certificate") != certificate
    assert not store.ensure(**changed).changed


def rotate(store, name, **parameters):
    return perform(store.manager, "credential_rotate", dict(parameters, name=name, target="none"), AccessContext()).result


def test_a_rotation_makes_a_new_key_with_a_certificate_of_its_own(store):
    store.ensure()
    before = store.read("app", "public_key")
    rotate(store, "app")
    certificate = openssh.read_certificate(store.read("app", "certificate").encode())
    assert store.read("app", "public_key") != before
    assert openssh.write_public_key(certificate.public_key()) == store.read("app", "public_key")
    assert not store.ensure().changed


def test_the_keys_of_a_rotated_ca_are_signed_again_by_the_new_one(store):
    store.ensure()
    rotate(store, "ca")
    assert store.ensure().changed
    certificate = openssh.read_certificate(store.read("app", "certificate").encode())
    assert openssh.write_public_key(certificate.signature_key()) == store.read("ca", "public_key")


def test_check_mode_signs_nothing_that_is_stored(store):
    store.ensure()
    certificate = store.read("app", "certificate")
    wanted = DesiredCredential("app", type="ssh_key", fields=secrets(valid_for="7d"))
    assert store.manager.ensure(wanted, check=True).changed
    assert store.read("app", "certificate") == certificate


@pytest.mark.parametrize(
    ("ca", "error", "says"),
    [
        ("none", NotFound, "none"),
        ("app", InvalidInput, "'ca' of type 'ssh_key' is the credential itself"),
        ("password", InvalidInput, "'ca' of type 'ssh_key' names a credential of another type"),
        ("revoked", Revoked, "revoked"),
        ("not a name", InvalidInput, "name"),
    ],
)
def test_a_ca_that_cannot_sign_is_refused_and_nothing_is_stored(store, ca, error, says):
    store.manager.ensure(DesiredCredential("password", type="basic"))
    store.manager.ensure(DesiredCredential("revoked", type="ssh_key"))
    store.manager.revoke("revoked")
    with pytest.raises(error, match=says):
        store.ensure(ca=ca)
    assert not store.manager.exists("app")


def test_a_ca_out_of_the_callers_scope_signs_nothing(store):
    scope = Scope(workflow="of-the-ca")
    store.manager.ensure(DesiredCredential("hidden", type="ssh_key", scope=scope), AccessContext(workflow="of-the-ca"))
    with pytest.raises(AccessDenied):
        store.ensure(ca="hidden")


def test_the_read_of_the_ca_is_in_the_audit_trail(tmp_path):
    trail = tmp_path / "audit.jsonl"
    with closing(open_store({"backend": "memory", "audit_path": str(trail)})) as manager:
        manager.ensure(DesiredCredential("ca", type="ssh_key"))
        manager.flush()
        before = len(trail.read_text(encoding="ascii").splitlines())
        manager.ensure(DesiredCredential("app", type="ssh_key", fields=secrets(ca="ca", principals="app")))
    entries = [json.loads(line) for line in trail.read_text(encoding="ascii").splitlines()[before:]]
    assert {("read", "ca"), ("write", "app")} <= {(entry["action"], entry.get("name")) for entry in entries}


def test_a_certificate_beside_a_ca_is_refused(store):
    with pytest.raises(InvalidInput, match="'certificate' of type 'ssh_key' is given, and 'ca' signs another one"):
        store.ensure(certificate=sign(generate(), generate()))


def test_the_private_key_is_the_only_field_beside_the_passphrase_that_is_hidden(store):
    store.ensure(passphrase=PASSPHRASE)
    fields = store.manager.get("app").fields
    shown_fields = KIND.redact(fields)
    assert {name for name in shown_fields if shown_fields[name] == "[REDACTED]"} == {"private_key", "passphrase"}
    assert not KIND.is_secret("public_key")
    assert not KIND.is_secret("fingerprint")


def test_a_ca_that_is_not_there_is_an_error_that_names_the_key_too(store):
    with pytest.raises(NotFound, match=r"credential 'none'.*\('app' names it\)"):
        store.ensure(ca="none")


@pytest.mark.parametrize(("ttl", "remedy"), [(None, "Run the module credential with it"), (60, "Write a new value, or rotate it")])
def test_an_expired_key_says_whether_its_certificate_has_to_be_signed_again(store, ttl, remedy):
    store.ensure(valid_for="1h")
    if ttl is not None:
        store.manager.ensure(DesiredCredential("app", expires_at=store.now + timedelta(seconds=ttl)))
    store.now += timedelta(hours=2)
    with pytest.raises(Expired, match=remedy):
        store.read("app", "private_key")
