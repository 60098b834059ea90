# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that name the credentials of variables: which are read, what is made of them, and where a mistake is."""

from __future__ import annotations

import json
import os

import jinja2
import pytest
from ansible.inventory.host import Host

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.plugin_utils.config.credential_files import find_credential_files, read_credential_file
from ansible_collections.nebula.credential.plugins.vars import credentials


def write(directory, name, text=""):
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_file_of_a_group_and_all_below_its_directory_are_found(tmp_path):
    wanted = [write(tmp_path, name) for name in ("web.credentials", "web/a.credentials", "web/sub/b.credentials")]
    for name in (
        "web.yml",
        "web/plain.yml",
        "web/.hidden.credentials",
        "web/.git/c.credentials",
        "other.credentials",
        "web/d.credentials~",
    ):
        write(tmp_path, name)
    assert find_credential_files(str(tmp_path), "web") == wanted
    assert find_credential_files(str(tmp_path), "none") == []


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("x: shop/db_pass", "{{ lookup('nebula.credential.get', \"shop/db_pass\") }}"),
        ("x: {name: db, field: username}", '{{ lookup(\'nebula.credential.get\', "db", field="username") }}'),
        ("x: {name: db, fresh: true, default: null}", "{{ lookup('nebula.credential.get', \"db\", fresh=true, default=none) }}"),
        ("x: {name: db, fields: [a, b]}", '{{ lookup(\'nebula.credential.get\', "db", fields=["a", "b"]) }}'),
        ("x: {name: db, default: {é: 😀}}", '{{ lookup(\'nebula.credential.get\', "db", default={"é": "😀"}) }}'),
        (
            "x: hosts/{{ inventory_hostname }}/root",
            "{% set nebula_part_0 %}hosts/{{ inventory_hostname }}/root{% endset %}{{ lookup('nebula.credential.get', nebula_part_0) }}",
        ),
    ],
)
def test_a_line_becomes_a_template(tmp_path, line, template):
    assert read_credential_file(write(tmp_path, "web.credentials", "# first line\n" + line)) == {"x": template}


def test_a_text_stays_as_it_is_whatever_letters_it_has(tmp_path):
    text = "\U0001f600 \u00e4 back\\slash \"quotes' }} %}"
    written = write(tmp_path, "web.credentials", json.dumps({"x": {"name": "db", "default": text}}, ensure_ascii=False))
    given = []
    jinja2.Environment(autoescape=True).from_string(read_credential_file(written)["x"]).render(
        lookup=lambda *_name, default: given.append(default)
    )
    assert given == [text]


def test_a_file_without_variables_is_empty(tmp_path):
    assert read_credential_file(write(tmp_path, "web.credentials", "# nothing\n")) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b\nc: [\n", "is not valid YAML at line 3, column 1"),
        ("- a\n", "line 1, column 1: it is no mapping of variables"),
        ("a: b\n\n  \nb:\n", "line 4, column 3: the variable 'b' has no name of a credential"),
        ("a: 5\n", "line 1, column 4: the variable 'a' has no name"),
        ("a: b\nc: {name: d, feild: e}\n", "line 2, column 14: there is no option 'feild'. Did you mean 'field'?"),
        ("a: {field: e}\n", "line 1, column 4: the variable 'a' has no 'name'"),
        ("a: b\na: c\n", "line 2, column 1: the variable 'a' is there twice"),
        ("a-b: c\n", "line 1, column 1: 'a-b' cannot be the name of a variable"),
        ("a: two words\n", "line 1, column 4: "),
        ("a: {name: /x}\n", "line 1, column 11: "),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_column(tmp_path, text, words):
    path = write(tmp_path, "web.credentials", text)
    with pytest.raises(InvalidConfiguration) as caught:
        read_credential_file(path)
    assert path in str(caught.value)
    assert words in str(caught.value)


def test_a_file_is_read_once_until_it_changes(tmp_path, monkeypatch):
    """Ansible wants the variables of each host several times in each task."""
    path, reads = write(tmp_path, "host_vars/web1.credentials", "word: one\n"), []
    monkeypatch.setattr(credentials, "read_credential_file", lambda path: reads.append(path) or read_credential_file(path))
    plugin, host = credentials.VarsModule(), Host("web1")
    for _time in range(3):
        assert plugin.get_vars(None, str(tmp_path), host) == {"word": "{{ lookup('nebula.credential.get', \"one\") }}"}
    assert reads == [path]
    changed = write(tmp_path, "new", "word: two\n")
    os.replace(changed, path)
    assert plugin.get_vars(None, str(tmp_path), host) == {"word": "{{ lookup('nebula.credential.get', \"two\") }}"}
    os.unlink(path)
    assert plugin.get_vars(None, str(tmp_path), host) == {}
