# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever values other programs write into their files, the readers return them byte for byte."""

from __future__ import annotations

import base64
import configparser
import csv
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.adoption.formats.corpus import read

SETTINGS = settings(max_examples=60, deadline=None)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=60)
keys = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("round") / "file"


def value_of(found):
    """The value of an entry as bytes, or those of its fields."""
    values = {"": found.value} if found.value is not None else found.fields
    return {field: value.encode() if isinstance(value, str) else value for field, value in values.items()}


@SETTINGS
@given(
    data=st.dictionaries(keys, st.binary(max_size=80), min_size=1, max_size=4),
    texts=st.dictionaries(keys, text, max_size=3),
    as_json=st.booleans(),
)
def test_secrets_of_kubernetes(data, texts, as_json, path):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "one"},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        "stringData": texts,
    }
    path.write_text(json.dumps(secret) if as_json else yaml.safe_dump(secret), encoding="utf-8", newline="")
    wanted = {**data, **{key: value.encode() for key, value in texts.items()}}
    (found,) = read("kubernetes", path)
    assert value_of(found) == (wanted if len(wanted) > 1 else {"": next(iter(wanted.values()))})


@SETTINGS
@given(profiles=st.dictionaries(keys, st.tuples(printable, printable), min_size=1, max_size=4))
def test_profiles_of_aws(profiles, path):
    written = configparser.RawConfigParser(default_section="\0")
    for name, (key_id, secret) in profiles.items():
        written[name] = {"aws_access_key_id": key_id, "aws_secret_access_key": secret}
    with path.open("w", encoding="utf-8", newline="") as file:
        written.write(file)
    found = {each.name: (each.fields["access_key_id"], each.fields["secret_access_key"]) for each in read("aws_credentials", path)}
    assert found == profiles


@SETTINGS
@given(
    rows=st.dictionaries(keys, st.tuples(text, text), min_size=1, max_size=4),
    mark=st.booleans(),
    dialect=st.sampled_from(("excel", "unix")),
)
def test_rows_of_lastpass(rows, mark, dialect, path):
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        writer = csv.writer(file, dialect)
        writer.writerow(("url", "username", "password", "totp", "extra", "name", "grouping", "fav"))
        writer.writerows(("https://x.example.com", "me", password, "", notes, name, "", "0") for name, (password, notes) in rows.items())
    assert {each.name: (each.fields["password"], each.fields["notes"]) for each in read("lastpass", path)} == rows


@SETTINGS
@given(logins=st.dictionaries(keys, st.tuples(keys, text.filter(lambda value: value.strip("\0") == value)), min_size=1, max_size=4))
def test_logins_of_docker(logins, path):
    auths = {name: {"auth": base64.b64encode(":".join(login).encode()).decode()} for name, login in logins.items()}
    path.write_text(json.dumps({"auths": auths}), encoding="utf-8")
    assert {each.name: (each.fields["username"], each.fields["password"]) for each in read("docker_config", path)} == logins


@SETTINGS
@given(outputs=st.dictionaries(keys, text, min_size=1, max_size=4))
def test_outputs_of_terraform(outputs, path):
    state = {"version": 4, "lineage": "x", "outputs": {name: {"value": value, "sensitive": True} for name, value in outputs.items()}}
    path.write_text(json.dumps(state, ensure_ascii=False).replace("\x7f", "\\u007f"), encoding="utf-8")
    assert {each.name: each.value for each in read("terraform_state", path)} == outputs


@SETTINGS
@given(password=text, notes=text, custom=text)
def test_items_of_bitwarden(password, notes, custom, path):
    item = {"type": 1, "name": "x", "notes": notes, "login": {"password": password}, "fields": [{"name": "f", "value": custom, "type": 1}]}
    path.write_text(json.dumps({"encrypted": False, "items": [item]}), encoding="utf-8")
    (found,) = read("bitwarden", path)
    assert found.fields == {"password": password, "notes": notes, "f": custom}


@SETTINGS
@given(
    lines=st.dictionaries(
        keys, st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=60), min_size=1, max_size=4
    )
)
def test_lines_of_pgpass(lines, path):
    escaped = {user: value.replace("\\", "\\\\").replace(":", "\\:") for user, value in lines.items()}
    Path(path).write_text("".join("h:1:d:{0}:{1}\n".format(*each) for each in escaped.items()), encoding="utf-8", newline="")
    assert {each.fields["username"]: each.fields["password"] for each in read("pgpass", path)} == lines
