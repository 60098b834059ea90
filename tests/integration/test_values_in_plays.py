# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values from a play to the store and back: `omit`, defaults of any type, what YAML makes of a value, a store that is written as text."""

from __future__ import annotations

import json
import os

CANARY = "canary-" + os.urandom(6).hex()

OMITTED = """
- {name: stored, nebula.credential.credential: {name: db, type: basic, value: word, fields: {username: app}}}
- name: no value
  nebula.credential.credential: {name: made, value: "{{ lookup('nebula.credential.get', 'gone', default=omit) }}"}
- name: no element
  nebula.credential.credential:
    credentials: "{{ [{'name': 'too', 'value': lookup('nebula.credential.get', 'gone', default=omit)}] }}"
- name: no option
  ansible.builtin.assert:
    quiet: true
    that:
      - lookup('nebula.credential.get', 'db', field=omit, version=omit, stage=omit, on_missing=omit, scope=dict(user=omit)) == 'word'
      - lookup('nebula.credential.get_many', 'db', 'gone', default=omit) == dict(db='word')
      - lookup('nebula.credential.find', prefix='d', type=omit, tags=omit, query='[].name') == ['db']
      - lookup('nebula.credential.get', 'gone', store=omit, default='none') == 'none'
- name: no variable
  vars: {nebula_credential_store: "{{ omit }}", nebula_credential_scope: "{{ omit }}"}
  ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db') == 'word'", quiet: true}
- name: a date stays a date
  vars: {day: "{{ '2027-01-31' | to_datetime('%Y-%m-%d') }}", text: !unsafe "{{ 1 + 1 }}"}
  ansible.builtin.assert:
    quiet: true
    that:
      - lookup('nebula.credential.get', 'gone', default=day).year == 2027
      - lookup('nebula.credential.get', 'gone', default=[day, 1.5, true])[0].year == 2027
      - lookup('nebula.credential.get', 'gone', default=[day, 1.5, true])[1:] == [1.5, true]
      - lookup('nebula.credential.get_many', 'gone', default=day).gone.year == 2027
      - lookup('nebula.credential.get', 'gone', default=none) is none
      - lookup('nebula.credential.get', 'gone', default=text) == text
      - lookup('nebula.credential.get', 'gone', default=dict(a=text)).a == text
"""


def test_omit_stays_omit_and_a_default_is_returned_as_it_is(project):
    """With a session and without one."""
    for session in ("true", "false"):
        run = project.play(OMITTED, HOME=str(project.home / session), NEBULA_CREDENTIAL_SESSION=session).succeeded()
        assert run.result("no value")["generated"]
        assert run.result("no element")["results"][0]["generated"]


CHANGED_BY_YAML = """
- {name: octal, ignore_errors: true, nebula.credential.credential: {name: x, value: 0123}}
- {name: word, ignore_errors: true, nebula.credential.credential: {name: x, value: yes}}
- {name: day, ignore_errors: true, nebula.credential.credential: {name: x, value: 2027-01-31}}
- {name: mapping, ignore_errors: true, nebula.credential.credential: {name: x, value: {a: 1}}}
- name: skipped
  ignore_errors: true
  nebula.credential.credential: {name: x, value: "{{ lookup('nebula.credential.get', 'y', on_missing='skip') }}"}
- name: unset
  ignore_errors: true
  nebula.credential.credential: {name: x, value: "{{ lookup('ansible.builtin.env', 'NOT_SET_HERE') }}"}
- {name: element, ignore_errors: true, nebula.credential.credential: {credentials: [{name: x, fields: {day: 2027-01-31, value: word}}]}}
- {name: field, ignore_errors: true, nebula.credential.credential: {name: x, type: basic, fields: {password: 0123}}}
- {name: quoted, nebula.credential.credential: {name: x, type: database, value: "0123", fields: {port: 5433, username: app}}}
- {name: again, nebula.credential.credential: {name: x, type: database, value: "0123", fields: {port: 5433, username: app}}}
- {name: rotated, ignore_errors: true, nebula.credential.credential_rotate: {name: x, target: none, value: 0123}}
- {name: as it was, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'x') == '0123'", quiet: true}}
"""


def test_what_yaml_makes_of_a_secret_is_refused_with_its_option(project):
    run = project.play(CHANGED_BY_YAML).succeeded()
    expected = {
        "octal": "option 'value', credential 'x', store 'local': it is an int, not text. Quote it where it is set, or write '| string'.",
        "word": "it is a bool, not text",
        "day": "it is a date, not text",
        "mapping": "Write it as text, with '| to_json'",
        "skipped": "A lookup that leaves its value out returns an empty list",
        "unset": "it is empty. Check the variable or lookup that it comes from; or write 'allow_empty: true' if that is meant.",
        "element": "option 'credentials[0] (x).fields.day': it is a date, not text",
        "field": "option 'fields.password', credential 'x', store 'local': it is an int",
        "rotated": "it is an int, not text",
    }
    for name, words in expected.items():
        result = run.result(name)
        assert (result["failed"], result.get("code")) == (True, "invalid_input"), (name, result)
        assert words in result["msg"], result["msg"]
    assert (run.result("quoted")["changed"], run.result("again")["changed"]) == (True, False)


SOMEWHERE = "- {{name: {0}, ignore_errors: true, nebula.credential.{1}: {{name: x, store: '{{{{ forms[{2}] }}}}'}}}}\n"


def test_a_store_that_is_written_as_text_shows_no_login(project, tmp_path):
    """Neither in the output, nor in the log, nor in a report of junit; in each form that is parsed, and in one that is not."""
    store = {"backend": "local", "path": str(tmp_path / "s"), "key_sources": [{"source": "passphrase", "passphrase": CANARY}]}
    unfit = {"backend": "vault", "url": "https://localhost:1", "auth": {"token": CANARY}, "nonsense": 1}
    forms = [
        json.dumps(store),
        str(store),
        "  " + json.dumps(store),
        json.dumps(unfit),
        "{'auth': " + CANARY,
        "backend=vault token=" + CANARY,
    ]
    tasks = "".join(SOMEWHERE.format("form {0}".format(number), "credential", number) for number in range(len(forms)))
    tasks += SOMEWHERE.format("info", "credential_info", 0)
    log, reports = tmp_path / "log", tmp_path / "junit"
    run = project.play(
        tasks,
        "-vvv",
        variables=json.dumps({"forms": forms}),
        ANSIBLE_LOG_PATH=str(log),
        ANSIBLE_CALLBACKS_ENABLED="recorder,ansible.builtin.junit",
        JUNIT_OUTPUT_DIR=str(reports),
    ).succeeded()
    assert run.result("form 0")["changed"]
    assert run.result("form 0")["invocation"]["module_args"]["store"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert [run.result("form {0}".format(number))["failed"] for number in range(len(forms))] == [False, False, False, True, True, True]
    written = [path.read_text() for path in (log, *reports.iterdir())]
    assert len(written) == 2
    assert CANARY not in run.output + str(run.results) + "".join(written)


def test_the_name_of_a_store_is_shown(project):
    project.write("ansible.cfg", "")
    project.write("nebula.yml", "stores: {other: {backend: memory}}")
    run = project.play("- {name: named, nebula.credential.credential: {name: x, store: other}}", "-vvv").succeeded()
    assert run.result("named")["invocation"]["module_args"]["store"] == "other"


def test_another_type_where_an_option_has_options_is_refused_by_name(project):
    project.write("ansible.cfg", "")
    project.write("nebula.yml", "stores: {shared: {backend: memory, shared_cache: 3.14}}")
    run = project.play(
        """
- {name: scope, ignore_errors: true, nebula.credential.credential: {name: x, scope: 3.14}}
- {name: policy, ignore_errors: true, nebula.credential.credential: {name: x, policy: [1]}}
- {name: elements, ignore_errors: true, nebula.credential.credential: {credentials: [3.14]}}
- {name: target, ignore_errors: true, nebula.credential.credential_rotate: {name: x, target: postgresql, postgresql: 3.14}}
- {name: store, ignore_errors: true, nebula.credential.credential: {name: x, store: shared}}
- {name: lookup, ignore_errors: true, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'x', scope=3.14) }}"}}
"""
    ).succeeded()
    for name, option in (("scope", "scope"), ("policy", "policy"), ("elements", "credentials[0]"), ("target", "postgresql")):
        assert (run.result(name)["code"], "option '{0}'".format(option) in run.result(name)["msg"]) == ("invalid_input", True)
    assert (run.result("store")["code"], "option 'shared_cache'" in run.result("store")["msg"]) == ("invalid_configuration", True)
    assert "option 'scope': it is a float, and cannot be read as a mapping" in run.result("lookup")["msg"]
    assert "unforeseen" not in run.output
