# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KeePass databases that pykeepass wrote give all that their entries have; what does not open is refused without a value."""

from __future__ import annotations

import io
from hashlib import sha256

import pykeepass
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidInput, WrongPassphrase
from tests.unit.adoption.formats.corpus import read, refusal

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """An empty database whose key costs next to nothing."""
    path = tmp_path_factory.mktemp("keepass") / "blank.kdbx"
    database = pykeepass.create_database(str(path), password=PASSPHRASE)
    set_cost(database, 1, 1 << 20)
    database.save()
    return path.read_bytes()


def set_cost(database, passes, memory):
    demanded = database.kdbx.header.value.dynamic_header.kdf_parameters.data.dict
    demanded["I"].value, demanded["M"].value = passes, memory


@pytest.fixture
def database(blank, tmp_path):
    """A database, and the function that writes it and returns its path."""
    opened = pykeepass.PyKeePass(io.BytesIO(blank), password=PASSPHRASE)
    path = tmp_path / "vault.kdbx"

    def save():
        opened.save(str(path))
        return path

    return opened, save


def test_an_entry_comes_with_its_history_fields_and_attachments(database):
    opened, save = database
    group = opened.add_group(opened.add_group(opened.root_group, "Work"), "Servers")
    entry = opened.add_entry(
        group, "gateway", "root", "first", url="https://gw.example.com", notes="rack 4\nport 2", tags=["network", "on call"]
    )
    for password in ("second", "third"):
        entry.save_history()
        entry.password = password
    entry.save_history()
    entry.set_custom_property("PIN", "0123", protect=True)
    entry.set_custom_property("the quoted", "kept")
    entry.set_custom_property("of the history", "a field of the user")
    entry.otp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"
    entry.add_attachment(opened.add_binary(b"\x00\xffkey"), "id_ed25519")
    for key in entry._element.iter("Key"):  # KeePass lets people write names that the library cannot
        key.text = {"the quoted": 'the "quoted"', "of the history": "History"}.get(key.text, key.text)
    (found,) = read("keepass", save(), passphrase=PASSPHRASE)
    assert found.name == "Work/Servers/gateway"
    assert found.value is None
    assert found.fields == {
        "username": "root",
        "password": "third",
        "url": "https://gw.example.com",
        "notes": "rack 4\nport 2",
        "PIN": "0123",
        'the "quoted"': "kept",
        "History": "a field of the user",
        "otp": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP",
        "id_ed25519": b"\x00\xffkey",
    }
    assert found.older == ("second", "first")
    assert found.tags == ("network", "on call")


def test_a_lone_password_is_the_value_and_an_empty_entry_is_left_out(database):
    opened, save = database
    opened.add_entry(opened.root_group, "router", "", "alone")
    opened.add_entry(opened.root_group, "empty", "", "")
    assert [(each.name, each.value) for each in read("keepass", save(), passphrase=PASSPHRASE)] == [("router", "alone")]


def test_what_is_in_the_recycle_bin_is_left_out(database):
    opened, save = database
    opened.trash_entry(opened.add_entry(opened.root_group, "old", "", "gone"))
    opened.add_entry(opened.root_group, "kept", "", "here")
    assert [each.name for each in read("keepass", save(), passphrase=PASSPHRASE)] == ["kept"]


def test_a_reference_to_another_entry_is_followed(database):
    opened, save = database
    first = opened.add_entry(opened.root_group, "first", "", "shared")
    opened.add_entry(opened.root_group, "second", "", first.ref("password"))
    opened.add_entry(opened.root_group, "third", "", "{REF:P@I:00000000000000000000000000000000}")
    found = {each.name: each.value for each in read("keepass", save(), passphrase=PASSPHRASE)}
    assert found == {"first": "shared", "second": "shared", "third": "{REF:P@I:00000000000000000000000000000000}"}


def test_entries_of_one_title_are_told_apart_by_their_ids(database):
    opened, save = database
    made = [opened.add_entry(opened.root_group, "site", user, user, force_creation=True) for user in ("a", "b")]
    found = read("keepass", save(), passphrase=PASSPHRASE)
    assert [each.name for each in found] == ["site/" + entry.uuid.hex[:8] for entry in made]


def test_a_key_file_opens_a_database(database, tmp_path):
    opened, save = database
    key = tmp_path / "vault.key"
    key.write_bytes(bytes(range(32)))
    opened.add_entry(opened.root_group, "router", "", "alone")
    opened.password, opened.keyfile = None, str(key)
    path = save()
    assert [each.value for each in read("keepass", path, key_file=str(key))] == ["alone"]
    key.write_bytes(bytes(32))
    assert isinstance(refusal("keepass", path, key_file=str(key)), WrongPassphrase)


def test_a_wrong_passphrase_is_told_from_damage(database):
    _opened, save = database
    path = save()
    assert isinstance(refusal("keepass", path, passphrase="wrong"), WrongPassphrase)
    assert isinstance(refusal("keepass", path), InvalidInput)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    assert isinstance(refusal("keepass", path, passphrase=PASSPHRASE), Damaged)
    path.write_bytes(whole[:40] + b"\xff" + whole[41:])
    assert isinstance(refusal("keepass", path, passphrase=PASSPHRASE), (Damaged, WrongPassphrase))


@pytest.mark.parametrize("demanded", [{"M": 4 << 30}, {"I": 1000, "M": 1 << 30}, {"M": 16 << 20, "P": 1024}], ids=" ".join)
def test_a_key_that_costs_too_much_is_not_computed(demanded, database):
    _opened, save = database
    path = save()
    whole = path.read_bytes()
    for part, value in demanded.items():
        size = 4 if part == "P" else 8
        place = whole.index(part.encode() + bytes([size, 0, 0, 0])) + 5
        whole = whole[:place] + value.to_bytes(size, "little") + whole[place + size :]
    end = next(size for size in range(100, 1000) if sha256(path.read_bytes()[:size]).digest() == path.read_bytes()[size : size + 32])
    path.write_bytes(whole[:end] + sha256(whole[:end]).digest() + whole[end + 32 :])
    assert "too much memory or time" in refusal("keepass", path, passphrase=PASSPHRASE).what


text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿"), min_size=1, max_size=40)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(text.filter(str.strip), text, max_size=5), password=text)
def test_whatever_is_written_is_read(values, password, blank, tmp_path):
    opened = pykeepass.PyKeePass(io.BytesIO(blank), password=PASSPHRASE)
    entry = opened.add_entry(opened.root_group, "entry", "user", password)
    kept = {"field " + str(number): value for number, value in enumerate(values.values())}
    for name, value in kept.items():
        entry.set_custom_property(name, value, protect=True)
    path = tmp_path / "vault.kdbx"
    opened.save(str(path))
    (found,) = read("keepass", path, passphrase=PASSPHRASE)
    assert found.fields == {"username": "user", "password": password, **kept}
