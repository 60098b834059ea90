# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors carry codes, say where, and hold nothing foreign."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Internal, StorageError
from tests.conftest import CHECKOUT

DOCUMENTATION = CHECKOUT / "docs" / "troubleshooting" / "errors.md"


def all_errors(kind=CredentialError):
    return [one for child in kind.__subclasses__() for one in (child, *all_errors(child))]


def test_every_error_of_the_taxonomy_is_there():
    """S3's and S1's words (B8)."""
    wanted = {
        *("invalid_input", "duplicate", "unsupported_type", "type_mismatch", "not_found", "access_denied", "expired", "no_token"),
        *("invalid_token", "refresh_unsupported", "refresh_failed", "no_refresh_token", "rotation_failed", "rotation_in_progress"),
        *("storage", "encryption", "interaction_required", "flow_expired", "invalid_callback", "unavailable", "internal"),
        *("timeout", "conflict", "too_large", "circuit_open", "wrong_key", "damaged"),
    }
    assert wanted <= {kind.code for kind in all_errors()}


def test_codes_are_different_and_in_one_form():
    """A class that a backend tells apart for itself has no code of its own: it leaves as its parent."""
    codes = [kind.code for kind in all_errors() if "code" in vars(kind)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_no_other_file_gives_an_error_a_code():
    """A session finds the class of an error by its code: of two classes with one code the later one would be raised."""
    files = [path for path in (CHECKOUT / "plugins").rglob("*.py") if path.name != "errors.py" or path.parent.name != "module_utils"]
    found = [str(path) for path in files if re.search(r"^    code\b[^=\n]*= [\"']", path.read_text(encoding="utf-8"), re.MULTILINE)]
    assert found == []


def test_a_message_says_where_then_what_then_what_to_do():
    error = CredentialError("it is gone", remedy="Bring it back.", option="path", name="db_pass", store="prod")
    assert str(error) == "option 'path', credential 'db_pass', store 'prod': it is gone. Bring it back."
    assert str(CredentialError("it is gone")) == "it is gone"


def test_within_adds_what_is_missing_and_changes_nothing_else():
    error = CredentialError("it is gone", name="inner").within(name="outer", store="prod")
    assert (error.name, error.store) == ("inner", "prod")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.code)
def test_an_error_survives_the_way_between_processes(kind):
    error = kind("it is gone", remedy="Bring it back.", option="path", name="db_pass", store="prod")
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert copied.__class__ is kind
        assert str(copied) == str(error)


def test_catching_the_storage_error_catches_a_conflict():
    assert issubclass(Conflict, StorageError)
    assert not issubclass(Internal, StorageError)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.code)
def test_every_error_is_documented(kind):
    assert "`{0}`".format(kind.code) in DOCUMENTATION.read_text(encoding="utf-8")


def test_every_error_of_the_module_is_in_the_tree():
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(kind, CredentialError) for kind in classes)
