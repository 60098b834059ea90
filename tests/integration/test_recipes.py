# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented commands for pass, SOPS, keyrings and KeePass: our values, and what the tools themselves read and write."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    InteractionRequired,
    LoginFailed,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.backends.custom import COMMANDS
from tests.conformance.records import METADATA
from tests.conftest import cannot_run
from tests.unit.backends.custom.commands import open_custom

PASSPHRASE = "a passphrase of the database"


@dataclass
class Recipe:
    """A documented command with its place, and the tool that the place belongs to.

    Attributes:
        options: the options of its store.
        read: returns what the tool shows of `db_pass`.
        write: has the tool write another password to a name.
        spoil: makes the place refuse the login.
        refusal: what is raised then.
    """

    options: Dict[str, Any]
    read: Callable[[], str]
    write: Callable[[str, str], None]
    spoil: Callable[[], Dict[str, Any]]
    refusal: Any
    stop: Callable[[], object] = field(default=lambda: None)

    def open(self, **more: Any) -> Backend:
        return open_custom(**{**self.options, **more})


def command_of(name: str) -> List[str]:
    return [sys.executable, "-E", "-s", str(COMMANDS / (name + "_store.py"))]


def run(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def need(program: str) -> None:
    if shutil.which(program) is None:
        cannot_run("{0} is not installed".format(program))


def of_pass(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    need("pass")
    home, store = (
        Path(os.path.realpath("/tmp")) / "nebula-gpg-{0}".format(secrets.token_hex(4)),
        directory / "store",
    )  # a socket's path is short
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(store))
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "nebula@example.com", "default", "default", "never")
    run("pass", "init", "nebula@example.com")

    def stop() -> None:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)

    def spoil() -> Dict[str, Any]:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home / "private-keys-v1.d")
        return {}

    return Recipe(
        {"command": command_of("pass"), "environment": ["GNUPGHOME", "PASSWORD_STORE_DIR"]},
        lambda: run("pass", "show", "db_pass").splitlines()[0],
        lambda name, value: run("pass", "insert", "--multiline", "--force", name, given=change_first(name, value)) and None,
        spoil,
        InteractionRequired,
        stop,
    )


def change_first(name: str, value: str) -> str:
    """The entry of a name with another first line, as `pass edit` leaves it."""
    shown = subprocess.run(["pass", "show", name], capture_output=True, text=True, check=False).stdout.splitlines()
    return "\n".join([value, *shown[1:]]) + "\n"


def bech32(prefix: str, data: bytes) -> str:
    """A key as age writes it (BIP 173)."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join("{0:08b}".format(byte) for byte in data)
    values = [int(bits[start : start + 5].ljust(5, "0"), 2) for start in range(0, len(bits), 5)]
    checked = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix] + values + [0] * 6
    state = 1
    for value in checked:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for number, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= generator if top >> number & 1 else 0
    state ^= 1
    return prefix + "1" + "".join(letters[value] for value in [*values, *(state >> 5 * (5 - place) & 31 for place in range(6))])


def of_sops(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    need("sops")
    key = X25519PrivateKey.generate()
    file = directory / "keys.txt"
    file.write_text(bech32("age-secret-key-", key.private_bytes_raw()).upper() + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(file))
    monkeypatch.setenv("SOPS_AGE_RECIPIENTS", bech32("age", key.public_key().public_bytes_raw()))
    place = directory / "store"

    def write(name: str, value: str) -> None:
        path = place / (name + ".json")
        if not path.exists():
            path.write_text("{}")
            run("sops", "encrypt", "--in-place", str(path))
        run("sops", "set", str(path), '["password"]', '"{0}"'.format(value))

    def spoil() -> Dict[str, Any]:
        file.write_text(bech32("age-secret-key-", secrets.token_bytes(32)).upper() + "\n")
        return {}

    return Recipe(
        {"command": command_of("sops"), "options": {"directory": str(place)}, "environment": ["SOPS_AGE_KEY_FILE", "SOPS_AGE_RECIPIENTS"]},
        lambda: run("sops", "decrypt", "--extract", '["password"]', str(place / "db_pass.json")),
        write,
        spoil,
        LoginFailed,
    )


def of_keyring(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("XDG_DATA_HOME", str(directory / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
    keyring = [sys.executable, "-m", "keyring"]

    def spoil() -> Dict[str, Any]:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        return {}

    return Recipe(
        {"command": command_of("keyring"), "environment": ["PYTHON_KEYRING_BACKEND"]},
        lambda: run(*keyring, "get", "nebula", "db_pass").split('"password": "')[1].split('"')[0],
        lambda name, value: run(*keyring, "set", "nebula", name, given=value) and None,
        spoil,
        CredentialError,
    )


def of_keepass(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Recipe:
    import pykeepass

    file = directory / "team.kdbx"
    pykeepass.create_database(str(file), password=PASSPHRASE)

    def entry(name: str) -> Any:
        database = pykeepass.PyKeePass(str(file), password=PASSPHRASE)
        return database, database.find_entries(path=name.split("/"))

    def write(name: str, value: str) -> None:
        database, found = entry(name)
        if found is None:
            database.add_entry(database.root_group, name, "", value)
        else:
            found.password = value
        database.save()

    return Recipe(
        {"command": command_of("keepass"), "options": {"database": str(file)}, "secret": PASSPHRASE},
        lambda: str(entry("db_pass")[1].password),
        write,
        lambda: {"secret": "another"},
        LoginFailed,
    )


RECIPES = (of_pass, of_sops, of_keyring, of_keepass)
FASTER = pytest.mark.parametrize(
    "recipe",
    [pytest.param(each, marks=pytest.mark.long if each is of_keepass else (), id=each.__name__[3:]) for each in RECIPES],
    indirect=True,
)
"""For tests of which one on KeePass computes for long: it derives the key anew for each command."""


@pytest.fixture(params=RECIPES, ids=lambda each: each.__name__[3:])
def recipe(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """Each recipe, with a new place."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    made = request.param(tmp_path, monkeypatch)
    yield made
    made.stop()


def a_login(name: str, password: str, **more: str) -> Record:
    return Record(
        name,
        "basic",
        {"username": Secret("app"), "password": Secret(password), **{key: Secret(text) for key, text in more.items()}},
        metadata=METADATA,
    )


def values_of(record: Record) -> Dict[str, bytes]:
    return {name: value.expose() for name, value in record.fields.items()}


def test_it_keeps_values_and_their_versions_and_the_tool_reads_them(recipe: Recipe) -> None:
    backend = recipe.open()
    odd = {"note": "two\nlines: and more\n", "blank": "", "edge": " p=ä: x "}
    first = backend.put(a_login("db_pass", "first", **odd), create=True)
    second = backend.put(a_login("db_pass", "second"), first.etag)
    assert (first.version, second.version, recipe.read()) == ("1", "2", "second")
    found = backend.get("db_pass")
    assert (found.version, found.type, values_of(found)["password"]) == ("2", "basic", b"second")
    assert found.full_metadata.tags == METADATA.tags
    kept = {name: text.encode() for name, text in odd.items()}
    assert values_of(backend.get("db_pass", version="1")) == {"username": b"app", "password": b"first", **kept}
    with pytest.raises(Conflict):
        backend.put(a_login("db_pass", "third"), first.etag)
    assert [(row.name, row.version) for row in backend.list(Filter())] == [("db_pass", "2")]
    backend.delete("db_pass")
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert backend.put(a_login("db_pass", "again"), create=True).version == "3"


@FASTER
def test_names_that_begin_alike_and_bytes_are_kept(recipe: Recipe) -> None:
    backend = recipe.open()
    for name in ("app", "app/db", "app/db.pass"):
        backend.put(Record(name, fields={"value": Secret(b"\x00\xff" + name.encode())}, metadata=METADATA), create=True)
    found = backend.get_many(["app", "app/db", "app/db.pass", "absent"])
    assert {name: values_of(each)["value"] for name, each in found.items()} == {
        name: b"\x00\xff" + name.encode() for name in ("app", "app/db", "app/db.pass")
    }
    assert sorted(row.name for row in backend.list(Filter(prefix="app/", names_only=True))) == ["app/db", "app/db.pass"]


@FASTER
def test_it_reads_what_the_tool_writes_and_sees_what_the_tool_changes(recipe: Recipe, request: Any) -> None:
    backend = recipe.open()
    backend.put(a_login("db_pass", "first"), create=True)
    recipe.write("theirs", "by hand")
    assert values_of(backend.get("theirs"))["password"] == b"by hand"
    recipe.write("db_pass", "changed")
    found = backend.get("db_pass")
    assert (found.version in ("1+other", "+other"), values_of(found)["password"]) == (True, b"changed")
    assert backend.put(a_login("db_pass", "ours"), found.etag).version in ("2", "3")


def test_a_login_that_it_does_not_have_is_said_and_no_value_is_shown(recipe: Recipe) -> None:
    recipe.open().put(a_login("db_pass", "kV7-canary-9pQ"), create=True)
    with pytest.raises(recipe.refusal) as caught:
        recipe.open(**recipe.spoil(), show_messages=True).get("db_pass")
    assert not isinstance(caught.value, NotFound)
    assert "kV7-canary" not in str(caught.value)
    assert PASSPHRASE not in str(caught.value)
