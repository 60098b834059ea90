# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to one key source: its own options, and the states that only its place has."""

from __future__ import annotations

import multiprocessing
import subprocess

import pyrage
import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import keyring
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    WrongPassphrase,
)
from tests.key_source_conformance.on_devices import Pkcs11Harness
from tests.key_source_conformance.on_servers import AwsKmsHarness, GcpKmsHarness
from tests.servers import secret_service, softhsm
from tests.unit.crypto.sealed_stores import a_record, a_store, value_of

STORE_ID = bytes(range(16))
KMS = {"source": "aws_kms", "key": "alias/nebula", "region": "eu-central-1"}
CLOUD_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
VAULT = {"source": "azure_key_vault", "vault_url": "https://shop.vault.azure.net", "key": "nebula", "auth_method": "cli"}
LIBRARY = "/usr/lib/x.so"


def build(entry):
    (built,) = build_sources([entry], print)
    return built


def read(directory, *entries):
    return value_of(a_store(directory, key_sources=list(entries)).get("db_pass"))


@pytest.fixture
def harness(request, tmp_path, monkeypatch):
    """The harness that a test names, with a key of its own."""
    (tmp_path / "keys").mkdir(mode=0o700)
    return request.param(tmp_path / "keys", "o{0:x}".format(hash(request.node.nodeid) & 0xFFFFFFFF), monkeypatch)


def on(kind):
    return pytest.mark.parametrize("harness", [kind], indirect=True, ids=[kind.kind])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"source": "memory"}, "'for_tests' of the key source 'memory'.*ends with its process"),
        ({"source": "memory", "for_tests": "maybe-canary"}, "'for_tests' of the key source 'memory': it cannot be read as bool"),
        ({**KMS, "key": None}, "'key' of the key source 'aws_kms': it names no key"),
        ({**KMS, "region": "Frankfurt"}, "'region' of the key source 'aws_kms'"),
        ({**KMS, "access_key": "AKIA"}, "'secret_key' of the key source 'aws_kms': it is missing"),
        ({**KMS, "mfa_code": "123456"}, "mfa_code"),
        ({**KMS, "endpoint_url": "http://kms.example.com"}, "'endpoint_url' of the key source 'aws_kms': plain HTTP"),
        ({**KMS, "login_method": "canary"}, "'login_method' of the key source 'aws_kms': it cannot be read as one of"),
        ({"source": "gcp_kms", "key": "nebula"}, "'key' of the key source 'gcp_kms': it is not the resource name"),
        ({"source": "gcp_kms", "key": CLOUD_KEY, "endpoint": "http://x"}, "'endpoint' of the key source 'gcp_kms'"),
        ({"source": "gcp_kms", "key": CLOUD_KEY, "access_token": "a", "credentials": "b"}, "'access_token' of .* 'credentials' is given"),
        ({**VAULT, "key": "a/b"}, "'key' of the key source 'azure_key_vault': it is not the name of a key"),
        ({**VAULT, "auth_method": None}, "'auth_method' of the key source 'azure_key_vault': it is not given"),
        ({"source": "age"}, "'recipients' of the key source 'age': it is missing"),
        ({"source": "age", "recipients": ["age1nobody"]}, "'recipients' of the key source 'age': number 1 is not a recipient"),
        ({"source": "age", "recipients": ["junk AGE-SECRET-KEY-1CANARY"]}, "'recipients' of .* number 1 is not a recipient"),
        ({"source": "age", "recipients": ["AGE-SECRET-KEY-PQ-1CANARY"]}, "'recipients' of .* it has an identity, which is secret"),
        ({"source": "age", "recipients": ["age-secret-key-1canary"]}, "'recipients' of .* it has an identity, which is secret"),
        ({"source": "age", "recipients": ["AGE-SECRET-KEY-1CANARY"]}, "'recipients' of .* it has an identity, which is secret"),
        ({"source": "keyring", "service": ""}, "'service' of the key source 'keyring': it is empty"),
        ({"source": "pkcs11", "token": "t", "key": "k"}, "'library' of the key source 'pkcs11': it is missing"),
        ({"source": "pkcs11", "library": LIBRARY, "token": "t", "key": "k"}, "'library' of the key source 'pkcs11': there is no such file"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_entry_is_said_before_anything_is_used(entry, said):
    with pytest.raises(InvalidConfiguration, match=said) as refusal:
        build(entry)
    assert str(refusal.value.option).partition(".")[0] == "key_sources"
    assert "canary" not in str(refusal.value).lower()


def test_an_option_is_a_path_or_a_secret_in_every_source_that_has_it():
    """A configuration is read before it is known which source an entry will be."""
    kinds = {}
    for traits in SOURCES.values():
        for option, spec in traits.spec.items():
            kinds.setdefault(option, set()).add((spec["type"] == "path", bool(spec.get("no_log"))))
    assert [option for option, found in kinds.items() if len(found) > 1] == []


def test_each_recipient_of_age_opens_the_store_alone(tmp_path):
    members = [pyrage.x25519.Identity.generate() for _each in range(3)]
    recipients = [str(member.to_public()) for member in members]
    a_store(tmp_path, key_sources=[{"source": "age", "recipients": recipients, "identity": str(members[0])}]).put(a_record())
    for member in members:
        assert read(tmp_path, {"source": "age", "identity": str(member)}) == b"correct horse"


def test_recipients_without_an_identity_are_a_way_in_for_another_day(tmp_path):
    offline = pyrage.x25519.Identity.generate()
    spare = {"source": "age", "recipients": [str(offline.to_public())]}
    a_store(tmp_path, key_sources=[{"source": "key_file", "path": str(tmp_path / "k")}, spare]).put(a_record())
    with pytest.raises(KeySourceUnavailable, match="recipients only, and no identity"):
        read(tmp_path, spare)
    assert read(tmp_path, {"source": "age", "identity": str(offline)}) == b"correct horse"


def test_a_private_ssh_key_opens_what_its_public_key_is_a_recipient_of(tmp_path):
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    public = path.with_suffix(".pub").read_text().strip()
    a_store(tmp_path, key_sources=[{"source": "age", "recipients": [public], "identity_file": str(path)}]).put(a_record())
    assert read(tmp_path, {"source": "age", "identity_file": str(path)}) == b"correct horse"
    with pytest.raises(InvalidConfiguration, match="'recipients' of the key source 'age': it is missing"):
        build({"source": "age", "identity_file": str(path)}).prepare(STORE_ID, renew=False)


def test_an_identity_that_is_none_is_named_and_not_shown():
    built = build({"source": "age", "identity": "AGE-SECRET-KEY-1CANARY"})
    with pytest.raises(InvalidConfiguration, match="'identity' of the key source 'age': it is not an identity of age") as refusal:
        built.prepare(STORE_ID, renew=False)
    assert "CANARY" not in str(refusal.value) + repr(vars(built._inner))


@on(AwsKmsHarness)
def test_a_disabled_kms_key_is_unavailable_and_works_again_when_it_is_enabled(harness, tmp_path):
    a_store(tmp_path, key_sources=[harness.entry()]).put(a_record())
    harness.kms.disable_key(KeyId=harness.keys[0].rpartition("/")[2])
    with pytest.raises(KeySourceUnavailable, match="is disabled, or about to be deleted"):
        read(tmp_path, harness.entry())
    harness.kms.enable_key(KeyId=harness.keys[0].rpartition("/")[2])
    assert read(tmp_path, harness.entry()) == b"correct horse"


@on(AwsKmsHarness)
def test_an_alias_names_the_key_and_one_that_was_moved_names_another(harness, tmp_path):
    alias = "alias/" + harness.name
    harness.kms.create_alias(AliasName=alias, TargetKeyId=harness.keys[0])
    entry = dict(harness.entry(), key=alias)
    a_store(tmp_path, key_sources=[entry]).put(a_record())
    assert read(tmp_path, entry) == b"correct horse"
    harness.kms.update_alias(AliasName=alias, TargetKeyId=harness.keys[1])
    with pytest.raises(WrongPassphrase, match="an alias may have been moved"):
        read(tmp_path, entry)
    with pytest.raises(MissingKey, match="there is no KMS key 'alias/nowhere'"):
        build(dict(entry, key="alias/nowhere")).prepare(STORE_ID, renew=False)


@on(GcpKmsHarness)
def test_a_disabled_version_in_cloud_kms_is_unavailable(harness, tmp_path):
    a_store(tmp_path, key_sources=[harness.entry()]).put(a_record())
    harness.server.order({"kms": {"disable": harness.keys[0]}})
    with pytest.raises(KeySourceUnavailable, match="is disabled or destroyed"):
        read(tmp_path, harness.entry())


def test_only_a_keyring_that_encrypts_is_used(monkeypatch):
    """What `keyring` is set up to use may keep values in plain text, or nothing at all."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", secret_service.once().address)
    assert type(keyring._find_backend()).__module__ == "keyring.backends.SecretService"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    with pytest.raises(KeySourceUnavailable, match="has no keyring that is running"):
        build({"source": "keyring"}).check(STORE_ID)


@on(Pkcs11Harness)
def test_a_key_that_can_be_read_out_of_the_hsm_is_refused(harness):
    with harness._session() as session:
        softhsm.make_key(session, "open", extractable=True)
    with pytest.raises(InvalidConfiguration, match="'open' can be read out of the HSM"):
        build(dict(harness.entry(), key="open")).prepare(STORE_ID, renew=False)


@on(Pkcs11Harness)
def test_two_keys_of_one_label_are_not_guessed_between(harness):
    with harness._session() as session:
        softhsm.make_key(session, "first")
    with pytest.raises(InvalidConfiguration, match="several keys 'first'"):
        build(harness.entry()).prepare(STORE_ID, renew=False)


@on(Pkcs11Harness)
def test_a_forked_process_uses_the_hsm_as_its_parent_does(harness):
    """A library that the parent had initialized would be in an undefined state there."""
    built = build(harness.entry())
    terms, secret = built.prepare(STORE_ID, renew=False)
    forked = multiprocessing.get_context("fork")
    found = forked.SimpleQueue()
    child = forked.Process(target=lambda: found.put(built.secret(terms, STORE_ID) == secret))
    child.start()
    child.join(60)
    assert (child.exitcode, found.get()) == (0, True)
    assert built.secret(terms, STORE_ID) == secret


@on(Pkcs11Harness)
def test_a_file_that_is_no_library_of_an_hsm_is_said(harness, tmp_path):
    path = tmp_path / "no.so"
    path.write_bytes(b"no library")
    with pytest.raises(KeySourceUnavailable, match="its library failed"):
        build(dict(harness.entry(), library=str(path))).prepare(STORE_ID, renew=False)
