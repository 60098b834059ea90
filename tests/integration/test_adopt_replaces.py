# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`adopt` with `after: replace`: lookups in the place of vaulted values, and the files as they were with `state: restored`."""

from __future__ import annotations

import json
import os

import pytest

from tests.integration.vaulted import encrypt, inline, write_passwords

STORES = {"main": {"backend": "local", "path": "{{ playbook_dir }}/main"}}
INLINE = "# all hosts\n---\nplain: 1   # stays\ndb: &db " + inline("canary-db", 4, header="!vault |  # rotated in May")
INLINE += "# the last one\nlist: [{a: *db}]\nlast: " + inline("canary-last\n", 4, "prod")
WHOLE = """# canary-comment: an old password
db_port: 5432   # canary-comment
enabled: true
api: canary-api
url: postgresql://app:canary-url@db/shop
nested:
  text: |
    canary-one
    # canary-line
  empty: {}
  none: null
raw: !unsafe "canary {{ raw }}"
"""
REPLACE = "{name: replaced, nebula.credential.adopt: {from: ansible_vault, path: group_vars, after: replace}}"
CHECKS = """
- ansible.builtin.assert:
    that:
      - db == 'canary-db' and list[0].a == db and last == 'canary-last\\n'
      - db_port == 5432 and (db_port | type_debug) == 'int' and enabled and api == 'canary-api' and plain == 1
      - url == 'postgresql://app:canary-url@db/shop' and raw == 'canary ' ~ '{' ~ '{ raw }' ~ '}'
      - nested.text == 'canary-one\\n# canary-line\\n' and nested.empty == {} and nested.none is none
"""


@pytest.fixture
def play(project):
    """Runs tasks with the store above, and with both vault passwords unless it is said."""

    def run(tasks, *arguments, words=True):
        variables = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": "main"})
        return project.play(tasks, *(write_passwords(project) if words else ()), *arguments, variables=variables)

    return run


@pytest.fixture
def files(project):
    project.write("group_vars/all/inline.yml", INLINE)
    project.write("group_vars/all/whole.yml", encrypt(WHOLE, "prod")).chmod(0o640)
    return project.directory / "group_vars" / "all"


def contents_of(files):
    return {path.name: path.read_bytes() for path in sorted(files.iterdir())}


def test_lookups_are_written_in_the_place_of_the_values_and_give_the_same(play, files):
    play(CHECKS).succeeded()
    before = contents_of(files)
    planned = play("- " + REPLACE, "--check").succeeded().result("replaced")
    assert [row["action"] for row in planned["files"]] == ["replace", "replace"]
    assert contents_of(files) == before
    run = play("- " + REPLACE).succeeded()
    assert [row["action"] for row in run.result("replaced")["files"]] == ["replace", "replace"]
    assert "canary" not in run.output
    play(CHECKS, words=False).succeeded()
    again = play("- " + REPLACE).succeeded().result("replaced")
    assert (again["changed"], again["total"]) == (False, 0)
    assert (files / "inline.yml").read_text() == (
        "# all hosts\n---\nplain: 1   # stays\n"
        "db: &db \"{{ lookup('nebula.credential.get', 'db') }}\"  # rotated in May\n"
        "# the last one\nlist: [{a: *db}]\n"
        "last: \"{{ lookup('nebula.credential.get', 'last') }}\"\n"
    )
    whole = (files / "whole.yml").read_text()
    assert "db_port: \"{{ lookup('nebula.credential.get', 'db_port') | from_yaml }}\"\n" in whole
    assert "url: \"{{ lookup('nebula.credential.get', 'url', field='connection_string') }}\"\n" in whole
    assert [line.split(":")[0].strip() for line in whole.splitlines() if line] == [
        *("db_port", "enabled", "api", "url", "nested", "text", "empty", "none", "raw")
    ]
    assert "canary" not in whole
    assert (files / "whole.yml").stat().st_mode & 0o777 == 0o640


def test_the_originals_are_written_back_byte_for_byte(play, files):
    before = contents_of(files)
    play("- " + REPLACE).succeeded()
    restored = "{name: restored, nebula.credential.adopt: {from: ansible_vault, path: group_vars, state: restored}}"
    assert not play("- " + restored, "--check").succeeded().result("restored")["files"][0]["failed"]
    assert contents_of(files) != before
    run = play("- {0}\n- {1}".format(restored, restored.replace("name: restored", "name: again"))).succeeded()
    assert [row["action"] for row in run.result("restored")["files"]] == ["restore", "restore"]
    assert (run.result("restored")["changed"], run.result("again")["changed"]) == (True, False)
    assert contents_of(files) == before
    assert (files / "whole.yml").stat().st_mode & 0o777 == 0o640


def test_a_run_that_was_killed_between_two_files_is_finished_by_the_next_one(play, files):
    before = contents_of(files)
    play("- " + REPLACE).succeeded()
    after = contents_of(files)
    (files / "whole.yml").write_bytes(before["whole.yml"])
    again = play("- " + REPLACE).succeeded().result("replaced")
    assert ([os.path.basename(row["path"]) for row in again["files"]], again["counts"]["unchanged"]) == (["whole.yml"], 6)
    assert contents_of(files) == after
    play("- {nebula.credential.adopt: {from: ansible_vault, path: group_vars, state: restored}}").succeeded()
    assert contents_of(files) == before


def test_a_file_that_was_changed_since_is_not_written_over(play, files):
    play("- " + REPLACE).succeeded()
    (files / "inline.yml").write_text("mine: 1\n")
    run = play("- {name: restored, nebula.credential.adopt: {from: ansible_vault, path: group_vars, state: restored}}")
    assert "1 of 2 failed" in run.failed()
    assert (files / "inline.yml").read_text() == "mine: 1\n"
    assert (files / "whole.yml").read_text().startswith("$ANSIBLE_VAULT")


def test_comments_of_an_encrypted_file_are_kept_if_that_is_said(play, files):
    os.unlink(files / "inline.yml")
    play("- " + REPLACE.replace("after: replace", "after: replace, keep_comments: true")).succeeded()
    assert (files / "whole.yml").read_text().startswith('# canary-comment: an old password\ndb_port: "{{')


def test_no_file_is_changed_if_one_value_collides_or_is_skipped(play, files):
    before = contents_of(files)
    play("- {nebula.credential.credential: {name: api, value: theirs}}").succeeded()
    assert "'api' (duplicate)" in play("- " + REPLACE).failed()
    run = play("- " + REPLACE.replace("after: replace", "after: replace, on_conflict: skip")).succeeded()
    assert {row["reason"] for row in run.result("replaced")["files"]} == {"not every value was adopted, so no file was changed"}
    assert contents_of(files) == before


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (encrypt("a: 'canary {{ b }}'\n"), "", "line 1, key 'a': it is a template"),
        ("a: " + inline(b"\xffcanary", 4), "", "line 1, key 'a': it is no text"),
        (encrypt("a: canary\nb: canary\n"), ", only: [a]", "would become readable"),
        (encrypt("a: canary\n"), ", store: {backend: local, path: ~/x}", "a lookup in a file has to name the store"),
    ],
    ids=["template", "binary", "only a part", "no name"],
)
def test_what_would_be_something_else_as_a_lookup_is_refused_before_anything_is_written(play, project, text, options, message):
    path = project.write("v.yml", text)
    task = "{nebula.credential.adopt: {from: ansible_vault, path: v.yml, after: replace" + options + "}}"
    run = play("- " + task)
    assert message in run.failed()
    assert "canary" not in run.output
    assert path.read_text() == text
    assert not (project.directory / "main").exists()
