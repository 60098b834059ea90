# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening a store: what is wrong with a configuration is named, with the store and what is allowed (A12)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS, open_store
from tests.backends.discovery import HARNESSES

CANARY = "c4n4ry-c4n4ry"

BAD = {
    "no backend": ({}, "backend", ["required option is missing", "backend: local"]),
    "an unknown backend": ({"backend": "vautl"}, "backend", ["'vautl'", "local, memory"]),
    "an unknown option": (
        {"backend": "local", "pth": "/x"},
        "pth",
        ["no such option", "Did you mean 'path'?", "Closest: path, ", "docs/reference/options.md"],
    ),
    "another backend's option": (
        {"backend": "memory", "keep_version": 1},
        "keep_version",
        ["Did you mean 'keep_versions'?"],
    ),
    "a wrong type": ({"backend": "local", "keep_versions": "many"}, "keep_versions", ["int"]),
    "a list for a text": ({"backend": "local", "tenant": ["a"]}, "tenant", ["list", "str"]),
    "a flag that is none": ({"backend": "local", "backup": "perhaps"}, "backup", ["bool"]),
    "a bad choice": ({"backend": "local", "audit": "sometimes"}, "audit", ["batched, strict, off"]),
    "a bad format": ({"backend": "local", "format": "xml"}, "format", ["encrypted"]),
    "a plain format": ({"backend": "local", "format": "json"}, "format", ["allow_plaintext: true"]),
    "no encryption": ({"backend": "local", "encrypt": False}, "encrypt", ["plain text", "allow_plaintext: true"]),
    "no encryption in memory": ({"backend": "memory", "encrypt": False}, "encrypt", ["allow_plaintext: true"]),
    "encryption of a plain format": (
        {"backend": "local", "format": "json", "allow_plaintext": True, "encrypt": True},
        "encrypt",
        ["encrypted"],
    ),
    "several at once where one is": ({"backend": "local", "parallel": 2}, "parallel", ["2", "one operation at a time", "Leave it out"]),
    "none at once": ({"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"token": "t"}, "parallel": 0}, "parallel", ["Use 1 to 32"]),
    "more at once than connections": (
        {"backend": "database", "url": "postgresql://app@127.0.0.1:1/app", "pool": {"max": 4}, "parallel": 5},
        "parallel",
        ["at most 4 at once", "Use 1 to 4"],
    ),
    "a number out of range": ({"backend": "local", "keep_versions": -1}, "keep_versions", ["0 or more"]),
    "key sources that are no list": ({"backend": "local", "key_sources": {"source": "key_file"}}, "key_sources", ["list"]),
    "a key source that is a text": ({"backend": "local", "key_sources": [CANARY]}, "key_sources", ["list of dict"]),
    "an unknown key source": (
        {"backend": "local", "key_sources": [{"source": "tpm"}]},
        "key_sources",
        ["age, ansible_vault, aws_kms"],
    ),
    "a key source's unknown option": (
        {"backend": "local", "key_sources": [{"source": "passphrase", "pass_phrase": CANARY}]},
        "key_sources.pass_phrase",
        ["Did you mean 'passphrase'?", "passphrase_file"],
    ),
    "a key source with a mistyped kind": (
        {"backend": "local", "key_sources": [{"sourze": "key_file"}]},
        "key_sources.sourze",
        ["there is no such option. Did you mean 'source'?"],
    ),
    "a key source without a kind": ({"backend": "local", "key_sources": [{"path": "/x"}]}, "key_sources", ["names no 'source'"]),
    "a key source whose kind is a list": ({"backend": "local", "key_sources": [{"source": ["key_file"]}]}, "key_sources", ["key_file"]),
    "a mistyped part": ({"backend": "local", "shared_cache": {"ulr": "x"}}, "shared_cache.ulr", ["Did you mean 'url'?"]),
    "a mapping without a part that it needs": (
        {"backend": "vault", "url": "https://127.0.0.1:1", "auth": {"token": "t"}, "fallback_copy": {"path": "/x", "key_sources": []}},
        "fallback_copy",
        ["max_age is missing. Write 'fallback_copy: {max_age: …}'"],
    ),
    "another name of a part": (
        {"backend": "local", "shared_cache": {"url": "rediss://127.0.0.1:1", "cacert": "/nope"}},
        "shared_cache.ca_cert",
        ["/nope (also called 'shared_cache.cacert')"],
    ),
}


@pytest.mark.parametrize(("config", "option", "says"), BAD.values(), ids=BAD)
def test_a_mistake_names_the_option_the_store_and_what_is_allowed(config, option, says, tmp_path):
    if config.get("backend") == "local":
        config = dict({"path": str(tmp_path / "store")}, **config)
    with pytest.raises(InvalidConfiguration) as caught:
        open_store(config, name="prod")
    message = str(caught.value)
    assert message.startswith("option '{0}', store 'prod': ".format(option))
    for words in says:
        assert words in message
    assert CANARY not in message
    assert not (tmp_path / "store").exists(), "nothing is made before all is in order"


FAR = {name: harness.mistake for name, harness in HARNESSES.items() if harness.mistake}
LIBRARIES = {"requests", "tenacity"} | {package.module.partition(".")[0] for name in BACKENDS for package in read_traits(name).packages}
OPENING = """
import json, sys
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
used = []
sys.addaudithook(lambda event, _arguments: used.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
try:
    open_store(json.loads(sys.argv[1]), name="prod")
except InvalidConfiguration as error:
    libraries = set(sys.argv[2:]) & set(sys.modules)
    print(error.option, used, sorted(libraries))
"""


@pytest.mark.parametrize("backend", FAR)
def test_a_mistake_is_told_before_a_network_or_a_library_is_used(backend, tmp_path, collection_root):
    """So it is told at once, however far away the server is (SC-005)."""
    options, option = FAR[backend]
    environment = {"PYTHONPATH": str(collection_root), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", OPENING, json.dumps(dict(options, backend=backend)), *LIBRARIES]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "{0} [] []\n".format(option)


@pytest.mark.parametrize("config", [None, "local", ["backend"], 3])
def test_what_is_not_a_mapping_is_refused(config):
    with pytest.raises(InvalidConfiguration, match="store 'prod': a store is a mapping"):
        open_store(config, name="prod")


def test_a_value_given_under_the_wrong_option_is_not_shown():
    for config in (
        {"backend": "local", "audit": CANARY},
        {"backend": "local", "keep_versions": CANARY},
        {"backend": "local", "backup": CANARY},
    ):
        with pytest.raises(InvalidConfiguration) as caught:
            open_store(config, name="prod")
        assert CANARY not in str(caught.value)


def test_a_key_with_control_characters_is_shown_escaped():
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({"backend": "local", "\x1b[31m": 1}, name="prod")
    assert "\x1b" not in str(caught.value)


def test_values_are_converted_as_ansible_does(tmp_path):
    manager = open_store({"backend": "local", "path": str(tmp_path / "store"), "keep_versions": "2", "backup": "no", "audit": "off"})
    for number in range(5):
        manager.ensure(DesiredCredential("db", value=Secret(str(number))))
    assert len(manager.versions("db")) == 3
    manager.close()


def test_nothing_at_all_is_needed_for_a_local_store(home):
    manager = open_store({"backend": "local"})
    manager.create(DesiredCredential("db", value=Secret("x")))
    manager.close()
    assert (home / ".nebula" / "credentials" / "db.enc").exists()
    assert (home / ".nebula" / "credentials" / ".nebula" / "audit.jsonl").exists()
    assert list((home / ".config" / "nebula" / "keys").glob("*.key"))


def test_plain_text_is_kept_where_it_is_asked_for_in_so_many_words(tmp_path):
    config = {"backend": "local", "path": str(tmp_path / "store"), "format": "json", "allow_plaintext": True}
    manager = open_store(config)
    manager.create(DesiredCredential("db", value=Secret(CANARY)))
    assert manager.token("db") == Secret(CANARY)
    manager.close()
    assert CANARY in (tmp_path / "store" / "db.json").read_text(encoding="utf-8")


def test_a_store_of_a_tenant_is_not_read_by_another(tmp_path):
    config = {"backend": "local", "path": str(tmp_path / "store"), "audit": "off"}
    open_store(dict(config, tenant="a")).create(DesiredCredential("db", value=Secret("x")))
    with pytest.raises(Exception, match="tenant") as caught:
        open_store(dict(config, tenant="b")).get("db")
    assert caught.value.code in {"misplaced", "access_denied"}


def test_two_stores_of_different_names_keep_trails_of_their_own(home):
    for name in ("one", "../two"):
        manager = open_store({"backend": "memory"}, name=name)
        manager.create(DesiredCredential("db", value=Secret("x")))
        manager.close()
    assert sorted(path.name for path in (home / ".nebula" / "audit").glob("*.jsonl")) == [".._two.jsonl", "one.jsonl"]


def test_every_common_option_says_its_type():
    assert all("type" in spec for spec in COMMON_OPTIONS.values())
