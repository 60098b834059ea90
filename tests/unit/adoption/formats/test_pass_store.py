# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of pass, encrypted by GnuPG for keys that the tests make, gives its entries; what GnuPG refuses is refused without a value."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    WrongPassphrase,
)
from tests.unit.adoption.formats.corpus import EXPECTED, PLACE, check, names_of, read, refusal

PASSPHRASE = "correct horse battery staple"
USERS = {"free@example.com": "", "locked@example.com": PASSPHRASE}


def run(*command: str, given: bytes = b"") -> None:
    subprocess.run(command, input=given, check=True, capture_output=True)


@pytest.fixture(scope="module")
def keyring():
    """A directory of GnuPG with two keys; the second one has a passphrase. Its path is short enough for the socket of the agent."""
    home = Path("/tmp") / "nb-gpg-{0}".format(secrets.token_hex(4))
    home.mkdir(mode=0o700)
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # else the agent measures the machine, for long on a busy one
    for user, passphrase in USERS.items():
        options = ["--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase]
        run("gpg", *options, "--quick-generate-key", user, "future-default", "default", "never")
    run("gpgconf", "--homedir", str(home), "--kill", "all")
    yield home
    run("gpgconf", "--homedir", str(home), "--kill", "all")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def store(keyring, tmp_path, monkeypatch):
    """Writes an entry into a store, encrypted for a user."""
    monkeypatch.setenv("GNUPGHOME", str(keyring))
    place = tmp_path / "store"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "object.gpg").write_bytes(b"not an entry")
    (place / ".gpg-id").write_text("free@example.com\n")

    def write(name, content, user="free@example.com"):
        path = place / (name + ".gpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        run("gpg", "--batch", "--yes", "--trust-model", "always", "--recipient", user, "--output", str(path), "--encrypt", given=content)
        return place

    return write


@pytest.mark.parametrize("name", names_of("pass"))
def test_an_entry_gives_its_value_or_its_fields(name, store):
    entry, expected = Path(name).stem, EXPECTED[name]
    place = store(entry, (PLACE / name).read_bytes())
    check(expected if isinstance(expected, str) else [{"name": entry, **expected}], "pass", place)


def test_an_entry_can_be_taken_whole(store):
    content = (PLACE / "pass" / "notes.txt").read_bytes()
    assert [each[:3] for each in read("pass", store("web/site", content), lines="whole")] == [("web/site", content.decode(), {})]


def test_entries_are_named_by_their_paths(store):
    for name in ("top", "web/shop/admin", "web/mail@example.com"):
        place = store(name, name.encode() + b"\n")
    assert [(each.name, each.value) for each in read("pass", place)] == [
        (each, each) for each in ("top", "web/mail@example.com", "web/shop/admin")
    ]


def test_what_the_program_pass_writes_is_read(store, tmp_path, monkeypatch):
    place = store("made/with-gpg", b"one\n")
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(place))
    monkeypatch.setenv("PASSWORD_STORE_GPG_OPTS", "--trust-model always")
    run("pass", "insert", "--multiline", "made/with-pass", given=b"two\nurl: https://example.com\n")
    found = {each.name: each.value or dict(each.fields) for each in read("pass", place)}
    assert found == {"made/with-gpg": "one", "made/with-pass": {"password": "two", "url": "https://example.com"}}


def test_a_locked_key_is_opened_with_its_passphrase_alone(store, tmp_path):
    place = store("locked", b"hunter2\n", "locked@example.com")
    assert isinstance(refusal("pass", place), WrongPassphrase)
    assert isinstance(refusal("pass", place, passphrase="wrong"), WrongPassphrase)
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o600)
    assert [each.value for each in read("pass", place, passphrase_file=str(file))] == ["hunter2"]
    run("gpgconf", "--kill", "all")


def test_an_entry_for_a_key_of_somebody_else_is_refused(store, monkeypatch, base):
    place = store("theirs", b"hunter2\n")
    monkeypatch.setenv("GNUPGHOME", str(base))
    base.chmod(0o700)
    try:
        assert isinstance(refusal("pass", place), LoginFailed)
    finally:
        run("gpgconf", "--kill", "all")


@pytest.mark.parametrize("content", [b"hunter2 in plain text", b"", b"\x85\x01\x0c\x03" + bytes(200)], ids=["text", "empty", "rubbish"])
def test_an_entry_that_is_not_encrypted_is_refused(content, store):
    place = store("good", b"x\n")
    (place / "bad.gpg").write_bytes(content)
    error = refusal("pass", place)
    assert "bad.gpg" in error.what
    assert "hunter2" not in str(error)


def test_an_entry_that_was_cut_is_refused(store):
    place = store("cut", b"hunter2\n" * 50)
    path = place / "cut.gpg"
    path.write_bytes(path.read_bytes()[:-20])
    assert isinstance(refusal("pass", place), Damaged)


def test_a_directory_without_a_store_is_refused(tmp_path):
    assert isinstance(refusal("pass", tmp_path), InvalidInput)
    (tmp_path / "entry.age").write_bytes(b"age-encryption.org/v1\n")
    assert "age" in refusal("pass", tmp_path).what


@pytest.mark.parametrize(("line", "refused"), [("\n", False), ("a: b\n", True)], ids=["blank", "fields"])
def test_an_entry_with_very_many_lines_does_not_hold_up_the_reader(line, refused, store):
    place = store("long", b"value\n" + line.encode() * 1_000_000)
    if refused:
        assert "more than 1000 fields" in refusal("pass", place).what
    else:
        assert [one.value for one in read("pass", place)] == ["value"]


def test_a_program_that_is_not_there_is_named(store):
    with pytest.raises(InvalidConfiguration, match="there is no program '/no/gpg'"):
        read("pass", store("one", b"x\n"), program="/no/gpg")
