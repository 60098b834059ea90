# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookups `get`, `get_many` and `find`, in real runs."""

from __future__ import annotations

import os

import pytest
import yaml

from tests.integration.ansible_run import DIGEST, digest

CANARY = "canary-" + os.urandom(6).hex()

STORED = """
- name: stored
  nebula.credential.credential:
    credentials:
      - {name: db, type: basic, value: "{{ canary }}", fields: {username: app}, tags: {team: a}}
      - {name: braces, value: !unsafe "{{ 1 + 1 }}"}
      - {name: commas, value: "one,two"}
      - {name: binary, value: "AP8QgA==", encoding: base64}
      - {name: scoped, value: only for deploy, scope: {workflow: deploy}}
"""


def show(name, expression, **more):
    """A task that shows what an expression comes to, whatever happens."""
    task = {"name": name, "ansible.builtin.debug": {"msg": "{{ " + expression + " }}"}, "ignore_errors": True, **more}
    return yaml.safe_dump([task])


def looked_up(project, *tasks, **variables):
    """Store some credentials, and show the digest of what each expression comes to."""
    text = STORED + "".join(show(name, "lookup('nebula.credential." + expression + DIGEST) for name, expression in tasks)
    return project.play(text, variables=yaml.safe_dump({"canary": CANARY, **variables}, default_flow_style=True, width=9999)).succeeded()


def test_get_answers_what_was_asked_for(project):
    run = looked_up(
        project,
        ("value", "get', 'db')"),
        ("field", "get', 'db', field='username')"),
        ("fields", "get', 'db', fields=['username', 'password'])"),
        ("all fields", "get', 'db', fields=['*'])"),
        ("template", "get', 'braces')"),
        ("commas", "get', 'commas')"),
        ("binary", "get', 'binary', encoding='base64')"),
        ("version", "get', 'db', version='1')"),
        ("scope", "get', 'scoped', scope={'workflow': 'deploy'})"),
        ("query", "get', 'commas', wantlist=True)"),
    )
    both = {"username": "app", "password": CANARY}
    expected = {"value": CANARY, "field": "app", "fields": both, "all fields": both, "template": "{{ 1 + 1 }}", "commas": "one,two"}
    expected.update({"binary": "AP8QgA==", "version": CANARY, "scope": "only for deploy", "query": ["one,two"]})
    assert {name: run.result(name)["msg"] for name in expected} == {name: digest(value) for name, value in expected.items()}


def test_get_many_names_all_that_failed_ten_at_most(project):
    names = ", ".join("'gone{0}'".format(number) for number in range(12))
    run = project.play(
        show("many", "lookup('nebula.credential.get_many', " + names + ")") + show("one", "lookup('nebula.credential.get_many', 'gone')")
    )
    many, one = run.result("many")["msg"], run.result("one")["msg"]
    assert "12 of 12 failed: 'gone0' (not_found)" in many
    assert "'gone9' (not_found) and 2 more. The first: " in many
    assert "failed: 'gone'" not in one


def test_get_many_answers_one_mapping(project):
    run = looked_up(
        project,
        ("names", "get_many', 'commas', 'braces')"),
        ("list", "get_many', ['commas'])"),
        ("nothing", "get_many', [])"),
        ("query", "get_many', 'commas', wantlist=True)"),
        ("fields", "get_many', 'db', fields=['username'])"),
        ("skip", "get_many', 'commas', 'gone', on_missing='skip')"),
        ("default", "get_many', 'commas', 'gone', default=none)"),
        ("denied", "get_many', 'commas', 'scoped', on_denied='skip')"),
        ("binary", "get_many', 'commas', 'binary')"),
    )
    expected = {
        "names": {"commas": "one,two", "braces": "{{ 1 + 1 }}"},
        "list": {"commas": "one,two"},
        "nothing": {},
        "query": [{"commas": "one,two"}],
        "fields": {"db": {"username": "app"}},
        "skip": {"commas": "one,two"},
        "default": {"commas": "one,two", "gone": None},
        "denied": {"commas": "one,two"},
    }
    assert {name: run.result(name)["msg"] for name in expected} == {name: digest(value) for name, value in expected.items()}
    assert "credential 'binary', store 'local'" in run.result("binary")["msg"]


def test_find_answers_a_list_without_any_value(project):
    run = looked_up(
        project,
        ("all", "find') | map(attribute='name')"),
        ("one", "find', tags={'team': 'a'}) | map(attribute='name')"),
        ("type", "find', type='basic', query='[].name')"),
        ("number", "find', query='length(@)')"),
        ("scope", "find', prefix='scoped', scope={'workflow': 'deploy'}, query='[].name')"),
    )
    expected = {"all": ["binary", "braces", "commas", "db"], "one": ["db"], "type": ["db"], "number": 4, "scope": ["scoped"]}
    assert {name: run.result(name)["msg"] for name in expected} == {name: digest(value) for name, value in expected.items()}
    assert CANARY not in run.output


BAD = [
    ("get')", ["no credential is named"]),
    ("get', 'a', 'b')", ["exactly one credential", "there are 2 names", "with_nebula.credential.get", "get_many"]),
    (
        "get', ['a'])",
        ["exactly one credential", "the name is a list", "loop: [a, b] with lookup('nebula.credential.get', item)", "get_many"],
    ),
    ("get', ['a', 'b'])", ["exactly one credential", "the name is a list"]),
    ("get', 5)", ["text, not int"]),
    ("get', 'gone')", ["credential 'gone', store 'local'"]),
    ("get', '../db')", ["option 'name'", "'../db'"]),
    ("get', 'db', feild='username')", ["Unsupported parameters: feild", "field"]),
    ("get', 'db', field='nope')", ["credential 'db', store 'local'", "'nope'", "password"]),
    ("get', 'db', field='a', fields=['b'])", ["mutually exclusive: field|fields"]),
    ("get', 'db', version='99')", ["credential 'db', store 'local'", "99"]),
    ("get', 'db', stage='next')", ["value of stage must be one of: current, pending, previous"]),
    ("get', 'binary')", ["credential 'binary', store 'local'", "encoding: base64"]),
    ("get', 'scoped')", ["credential 'scoped', store 'local': the scope does not match in 'workflow'"]),
    ("get', 'db', on_missing='ignore')", ["on_missing", "error, default, warn, skip"]),
    ("get', 'db', on_error='default')", ["option 'on_error'", "'default'"]),
    ("get', 'db', store='nowhere')", ["option 'store': there is no store 'nowhere'", "Known stores: local"]),
    ("get', 'scoped', on_missing='skip', on_error='skip')", ["the scope does not match"]),
    ("get', 'gone', on_denied='skip', on_error='skip')", ["credential 'gone'"]),
    ("get', '../db', on_missing='skip', on_denied='skip', on_error='skip')", ["option 'name'"]),
    ("get_many')", ["no credential is named", "lookup('nebula.credential.get_many', 'db_pass')", "Or choose them by 'prefix' or 'tags'"]),
    ("get_many', ['a', 5])", ["text, not int"]),
    ("get_many', 'db', 'gone')", ["credential 'gone', store 'local'"]),
    ("find', 'db')", ["takes no names"]),
    ("find', query='[?')", ["option 'query'"]),
    ("find', expires_within='soon')", ["option 'expires_within'"]),
    ("find', store={'backend': 'lokal'})", ["option 'backend', store 'inline'", "local"]),
]


def test_bad_input_is_told_by_option_credential_and_store(project):
    run = looked_up(project, *(("bad {0}".format(number), expression) for number, (expression, _words) in enumerate(BAD)))
    for number, (expression, words) in enumerate(BAD):
        result = run.result("bad {0}".format(number))
        assert result["failed"], expression
        for word in words:
            assert word in result["msg"], (expression, result["msg"])
        assert "unforeseen" not in result["msg"], result["msg"]
    assert CANARY not in run.output


def test_failures_can_be_answered_each_in_its_way(project):
    run = looked_up(
        project,
        ("default", "get', 'gone', default='d')"),
        ("skip", "get', 'gone', on_missing='skip')"),
        ("warn", "get', 'gone', on_missing='warn', default='w')"),
        ("denied", "get', 'scoped', on_denied='default', default='d')"),
        ("field", "get', 'db', field='nope', default='none')"),
        ("error", "get', 'db', store={'backend': 'local', 'path': '/proc/nope'}, on_error='default', default='down')"),
    )
    expected = {"default": "d", "skip": [], "warn": "w", "denied": "d", "field": "none", "error": "down"}
    assert {name: run.result(name)["msg"] for name in expected} == {name: digest(value) for name, value in expected.items()}
    assert "credential 'gone', store 'local'" in run.output


def test_variables_given_as_options_are_templated(project):
    """Lookups see them raw (community.hashi_vault#443)."""
    run = looked_up(
        project,
        ("scoped", "get', 'scoped')"),
        ("elsewhere", "get', 'commas', default='not in that store')"),
        nebula_credential_scope="{{ asserted }}",
        asserted={"workflow": "{{ 'dep' ~ 'loy' }}"},
        nebula_credential_store="{{ chosen }}",
        chosen="here",
        nebula_credential_stores={"here": {"backend": "local", "path": "{{ playbook_dir }}/{{ chosen }}"}},
    )
    assert run.result("scoped")["msg"] == digest("only for deploy")
    assert (project.directory / "here" / "commas.enc").exists()


@pytest.mark.parametrize(
    ("scope", "named"), [({"workfloww": "x"}, "nebula_credential_scope.workfloww"), ([1], "nebula_credential_scope")], ids=str
)
def test_a_wrong_scope_of_the_variable_is_named_by_the_variable(project, scope, named):
    run = looked_up(project, ("denied", "get', 'scoped')"), nebula_credential_scope=scope)
    assert run.result("denied")["failed"]
    assert named in run.result("denied")["msg"]


@pytest.mark.parametrize(
    "problem",
    ["damaged", "swapped", "rolled back", "public", *(pytest.param(each, marks=pytest.mark.long) for each in ("truncated", "renamed"))],
)
def test_a_record_that_is_not_as_it_was_written_is_refused_by_its_own_reason(project, problem):
    looked_up(project)
    store = project.home / ".nebula" / "credentials"
    first = store.joinpath("db.enc").read_bytes()
    project.play('- nebula.credential.credential: {name: db, value: "{{ canary }}2"}', variables="{canary: " + CANARY + "}").succeeded()
    record, other = store / "db.enc", store / "commas.enc"
    words = {
        "damaged": "damaged",
        "truncated": "damaged",
        "swapped": "misplaced",
        "renamed": "misplaced",
        "rolled back": "rolled_back",
        "public": "insecure_permissions",
    }
    whole = record.read_bytes()
    if problem == "damaged":
        record.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])
    elif problem == "truncated":
        record.write_bytes(whole[: len(whole) // 2])
    elif problem == "swapped":
        record.write_bytes(other.read_bytes())
    elif problem == "renamed":
        other.rename(record)
    elif problem == "rolled back":
        record.write_bytes(first)
    else:
        store.chmod(0o755)
    run = project.play(
        """
- {name: info, nebula.credential.credential_info: {name: db}, ignore_errors: true}
- {name: read, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', on_missing='skip') }}"}}
"""
    )
    assert run.returncode != 0
    assert "store 'local'" in run.result("info")["msg"]
    assert "store 'local'" in run.result("read")["msg"]
    assert CANARY not in run.output
    assert run.result("info")["code"] == words[problem]
