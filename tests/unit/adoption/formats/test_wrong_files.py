# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not a file of its format is refused with the file's name, and what it holds is in no message."""

from __future__ import annotations

import os
from functools import partial

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, Internal
from tests.other_user import call_as_stranger
from tests.unit.adoption.formats.corpus import PLACE, pack_1pux, read, refusal

CANARY = "hunter2-canary"
WHOLE = {
    "kubernetes": "opaque-several-keys.manifest",
    "netrc": "one-line.netrc",
    "pgpass": "usual.pgpass",
    "aws_credentials": "usual",
    "docker_config": "usual.json",
    "terraform_state": "resources.tfstate",
    "bitwarden": "personal.json",
    "lastpass": "usual.csv",
    "onepassword": "export.json",
}
OPTIONS = {"keepass": {"passphrase": CANARY}}
FORMATS = [*WHOLE, "keepass", "sops"]
WRONG = {
    "binary rubbish": bytes(range(256)) * 8 + CANARY.encode(),
    "zero bytes": bytes(4096),
    "plain text": (CANARY + "\n").encode(),
    "a page": b"<!DOCTYPE html>\n<html><body>" + CANARY.encode() + b"</body></html>\n",
    "JSON of something else": b'{"password": "' + CANARY.encode() + b'"}',
    "deep JSON": b'{"a":' * 50_000 + b'"' + CANARY.encode() + b'"',
    "deep lists": b"[" * 100_000,
    "half of a surrogate pair": b'{"auths": {"\\ud800": {"auth": "x"}}, "encrypted": false, "items": ["\\ud800"], "version": 4}',
    "UTF-16": CANARY.encode("utf-16"),
    "a number of many digits": b'{"version": ' + b"9" * 6000 + b"}",
    "aliases that grow": b"a: &a [x]\n"
    + b"".join(b"b%d: &b%d [*%s, *%s]\n" % (n, n, p, p) for n, p in enumerate([b"a", *(b"b%d" % n for n in range(60))])),
    "an alias in itself": b"apiVersion: v1\nkind: List\nitems: &i [*i]\n",
}


BY_LINES = ("kubernetes", "netrc", "pgpass", "aws_credentials", "lastpass")
"""Formats that a file still has when its end is missing."""


def say_what_happens(name, path):
    """The error that a file raises, as text; empty if it raises none."""
    try:
        read(name, path)
    except CredentialError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_of_something_else_is_refused_without_what_it_holds(content, name, tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    error = refusal(name, path, **OPTIONS.get(name, {}))
    assert not isinstance(error, Internal)
    assert CANARY not in str(error) + repr(error) + repr(error.__cause__)
    assert len(str(error)) < 1000


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_was_cut_is_refused_or_has_fewer_entries(name, tmp_path):
    content = (PLACE / name / WHOLE[name]).read_bytes()
    path = tmp_path / "file"
    for size in range(1, len(content), max(1, len(content) // 60)):
        if name == "onepassword":
            pack_1pux(content[:size], path)
        else:
            path.write_bytes(content[:size])
        if name in BY_LINES:
            assert "hunter2" not in say_what_happens(name, path)
        else:
            assert "hunter2" not in str(refusal(name, path))


def test_an_archive_that_was_cut_is_refused(tmp_path):
    path = pack_1pux((PLACE / "onepassword" / "export.json").read_bytes(), tmp_path / "export.1pux")
    content = path.read_bytes()
    for size in range(0, len(content), max(1, len(content) // 60)):
        path.write_bytes(content[:size])
        refusal("onepassword", path)


def test_an_export_without_a_file_that_it_names_is_refused(tmp_path):
    data = (PLACE / "onepassword" / "export.json").read_bytes().replace(b"license.bin", b"../license.bin")
    error = refusal("onepassword", pack_1pux(data, tmp_path / "export.1pux"))
    assert "missing or damaged" in error.what


@pytest.mark.parametrize("name", FORMATS)
def test_a_pipe_is_refused_without_waiting(name, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert isinstance(refusal(name, path), Damaged)


@pytest.mark.parametrize("name", [*FORMATS, "pass"])
def test_a_file_that_is_not_there_is_refused(name, tmp_path):
    refusal(name, tmp_path / "missing.yaml")


@pytest.mark.parametrize("name", FORMATS)
def test_a_directory_is_refused(name, tmp_path):
    assert isinstance(refusal(name, tmp_path), Damaged)


@pytest.mark.parametrize("name", FORMATS)
def test_a_huge_file_is_refused_unread(name, tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "is larger than" in refusal(name, path).what


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_without_entries_is_empty_or_refused(name, tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert say_what_happens(name, path) == "" or name not in BY_LINES or name == "lastpass"


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_may_not_be_read_is_refused(name, base):
    path = base / "file.json"
    path.write_text("[]")
    path.chmod(0o600)
    read("kubernetes", PLACE / "kubernetes" / "tls.manifest")
    refusal(name, path)  # as a user who may: what is wrong with it
    outcome = call_as_stranger(partial(read, name, path))
    assert outcome.error == "AccessDenied"
    assert str(path) in outcome.text
