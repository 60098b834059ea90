# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several key sources, none of which opens the store: what is wrong with each is told, without a secret."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import LEAST, Parameters
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_errors import combine_errors
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Damaged,
    InsecurePermissions,
    Internal,
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    Tampered,
    Timeout,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.crypto.sealed_stores import the_key_file
from tests.unit.store.managing import create

CANARY = "c4n4ry-c4n4ry"
OFFICE = {"source": "passphrase", "passphrase": CANARY, "label": "office"}
ABSENT = {"source": "passphrase", "passphrase_env": "NOT_SET_ANYWHERE", "label": "office"}
HOME = {"source": "passphrase", "passphrase": CANARY, "label": "home"}
KEY = {"source": "key_file"}


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr(
        "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", Parameters(*LEAST)
    )


def opened(directory, *sources):
    return open_store({"backend": "local", "path": str(directory / "store"), "audit": "off", "key_sources": list(sources)}, name="prod")


def refused(directory, *sources):
    """What reading with these sources raises."""
    with pytest.raises(Exception, match=r"^option 'key_sources', credential 'db', store 'prod': ") as caught:
        opened(directory, *sources).get("db")
    assert CANARY not in str(caught.value)
    return caught.value


def test_each_source_is_told_with_its_problem_and_its_remedy(tmp_path):
    create(opened(tmp_path, KEY, OFFICE))
    path = the_key_file()
    path.unlink()
    error = refused(tmp_path, KEY, ABSENT, HOME)
    assert error.__class__ is KeySourceUnavailable
    assert error.what == (
        "none of the key sources opens the store: 'key_file': the key file {0} is gone; the key source 'passphrase:office' has no "
        "passphrase: the environment variable NOT_SET_ANYWHERE is not set; 'passphrase:home': it has no slot in this store"
    ).format(path)
    assert error.remedy.startswith("One of them is enough. 'key_file': Put the file back")
    assert "'passphrase:office': Provide it" in error.remedy
    assert "'passphrase:home': It can be opened with: 'key_file' (" in error.remedy


def test_problems_of_one_class_keep_it(tmp_path):
    create(opened(tmp_path, OFFICE, HOME))
    error = refused(tmp_path, dict(OFFICE, passphrase=CANARY + "x"), dict(HOME, passphrase=CANARY + "y"))
    assert error.__class__ is WrongPassphrase
    assert "'passphrase' (office) does not open the store; the key source 'passphrase' (home) does not" in error.what


def test_a_key_file_that_others_can_read_is_told_before_one_that_is_gone(tmp_path):
    keys = [{"source": "key_file", "path": str(tmp_path / "keys" / name)} for name in ("one.key", "two.key")]
    create(opened(tmp_path, *keys))
    (tmp_path / "keys" / "one.key").unlink()
    (tmp_path / "keys" / "two.key").chmod(0o644)
    error = refused(tmp_path, *keys)
    assert error.__class__ is InsecurePermissions
    assert "one.key is gone; 'key_file': others can reach" in error.what
    assert error.what.count("one.key") == 1, "a source that fits two slots is told once"


def test_one_problem_is_told_as_it_is(tmp_path):
    create(opened(tmp_path, KEY))
    the_key_file().unlink()
    assert "none of the key sources" not in str(refused(tmp_path, KEY))


def test_a_source_that_works_is_enough(tmp_path):
    create(opened(tmp_path, KEY, OFFICE))
    the_key_file().unlink()
    assert opened(tmp_path, KEY, HOME, OFFICE).get("db").name == "db"


ORDER = [
    Internal,
    Tampered,
    Damaged,
    InvalidConfiguration,
    AccessDenied,
    Timeout,
    WrongPassphrase,
    KeySourceUnavailable,
    MissingKey,
]


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
def test_the_most_telling_class_is_taken_wherever_it_stands(first):
    kinds = ORDER[first:]
    for order in (kinds, kinds[::-1]):
        problems = [("key_file", kind("problem {0}".format(number))) for number, kind in enumerate(order)]
        assert combine_errors(problems).__class__ is ORDER[first]


def test_of_the_same_weight_the_first_is_taken():
    problems = [("key_file", InsecurePermissions("a")), ("passphrase", Timeout("b"))]
    assert combine_errors(problems).__class__ is InsecurePermissions
    assert combine_errors(problems[::-1]).__class__ is Timeout
