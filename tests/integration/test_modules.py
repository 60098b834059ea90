# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules `credential` and `credential_info`, in real runs."""

from __future__ import annotations

import json
import os
import stat

CANARY = "canary-" + os.urandom(6).hex()


def test_in_an_empty_directory_with_nothing_configured_two_commands_work(project):
    """The issue's own words."""
    made = project.run("ansible", "localhost", "-m", "nebula.credential.credential", "-a", "name=db_pass type=basic state=present")
    assert "CHANGED" in made.succeeded().output
    read = project.run("ansible", "localhost", "-m", "debug", "-a", "msg={{ lookup('nebula.credential.get', 'db_pass') | length }}")
    assert '"msg": 32' in read.succeeded().output
    record = project.home / ".nebula" / "credentials" / "db_pass.enc"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert list(project.directory.iterdir()) == []


def test_a_credential_through_its_life(project):
    """Present twice, changed, in check mode, with a diff, revoked, absent twice."""
    run = project.play(
        """
- {name: made, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, tags: {team: a}}}
- {name: again, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, tags: {team: a}}}
- {name: would, check_mode: true, nebula.credential.credential: {name: app/db, value: "{{ canary }}", description: the database}}
- {name: described, nebula.credential.credential_info: {name: app/db, versions: true}}
- {name: changed, diff: true, nebula.credential.credential: {name: app/db, value: "{{ canary }}", description: the database}}
- {name: value is there, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary"}}
- {name: restored, nebula.credential.credential: {name: app/db, state: restored, version: "1"}}
- {name: value is back, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') != canary"}}
- {name: revoked, nebula.credential.credential: {name: app/db, state: revoked}}
- {name: revoked again, nebula.credential.credential: {name: app/db, state: revoked}}
- {name: removed, nebula.credential.credential: {name: app/db, state: absent}}
- {name: removed again, nebula.credential.credential: {name: app/db, state: absent}}
- {name: gone, nebula.credential.credential_info: {name: app/db}}
""",
        "-vvv",
        variables="{canary: '" + CANARY + "'}",
    ).succeeded()
    changes = {name: run.result(name)["changed"] for name in ("made", "again", "would", "changed", "restored", "revoked", "removed")}
    assert changes == {name: name != "again" for name in changes}
    assert not run.result("revoked again")["changed"]
    assert not run.result("removed again")["changed"]
    assert run.result("made")["generated"] is True
    assert run.result("described")["credentials"][0]["description"] == ""
    assert [known["version"] for known in run.result("described")["credentials"][0]["versions"]] == ["1"]
    assert "diff" not in run.result("made")
    assert run.result("changed")["diff"]["after"]["description"] == "the database"
    assert run.result("changed")["invocation"]["module_args"]["value"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert run.result("gone")["missing"] == ["app/db"]
    assert CANARY not in str([run.result(name) for name in changes])


def test_no_value_is_returned_unless_asked_for(project):
    run = project.play(
        """
- {name: quiet, nebula.credential.credential: {name: a, value: "{{ canary }}"}}
- {name: asked, register: asked, nebula.credential.credential: {name: a, return_value: true}}
- {name: binary, register: binary, nebula.credential.credential: {name: b, value: "AP8QgA==", encoding: base64, return_value: true}}
- {name: both are there, ansible.builtin.assert: {that: [asked.value == canary, binary.value == "AP8QgA=="]}}
""",
        variables="{canary: '" + CANARY + "'}",
    ).succeeded()
    assert CANARY not in str(run.result("quiet"))


def test_several_credentials_are_tried_each_on_its_own(project):
    run = project.play(
        """
- name: batch
  nebula.credential.credential:
    credentials:
      - {name: one, type: api_key, generate: {kind: hex, bytes: 16}}
      - {name: "../two"}
      - {name: three, type: custom, declared_fields: [{name: pin}], generate: {length: 8}, expires_at: "2099-01-01T00:00:00Z"}
      - {name: four, type: nonsense}
  ignore_errors: true
- {name: found, nebula.credential.credential_info: {query: "[].[name, type, expires_at]"}}
"""
    ).succeeded()
    batch = run.result("batch")
    assert batch["changed"]
    assert batch["msg"].startswith("2 of 4 failed")
    assert [bool(one.get("failed")) for one in batch["results"]] == [False, True, False, True]
    assert batch["results"][3]["code"] == "unsupported_type"
    assert run.result("found")["credentials"] == [["one", "api_key", None], ["three", "custom", "2099-01-01T00:00:00Z"]]


def test_what_the_task_says_holds_for_each_credential_that_says_nothing(project):
    """Values above all: a list whose encoding was passed over would be stored as its base64."""
    project.play(
        """
- nebula.credential.credential:
    encoding: base64
    credentials:
      - {name: one, value: eA==}
      - {name: two, value: eA==, encoding: text}
- name: read
  ansible.builtin.assert: {that: ["lookup('nebula.credential.get', 'one') == 'x'", "lookup('nebula.credential.get', 'two') == 'eA=='"]}
"""
    ).succeeded()


BAD = [
    ("{name: a, vlaue: x}", ["Unsupported parameters for (nebula.credential.credential) module: vlaue", "Supported parameters include"]),
    ("{}", ["one of the following is required: name, credentials"]),
    ("{name: a, credentials: []}", ["mutually exclusive: name|credentials"]),
    ("{name: a, value: x, generate: {length: 9}}", ["mutually exclusive: value|generate"]),
    ("{name: a, type: basic, value: x, fields: {password: y}}", ["option 'value', credential 'a', store 'local'", "both set 'password'"]),
    ("{name: a, state: revoked, version: '1'}", ["option 'version', credential 'a', store 'local'", "state: restored"]),
    ("{name: a, state: absent, recoverable: true, permanent: true}", ["mutually exclusive: recoverable|permanent"]),
    ("{name: a, state: absent, recoverable: true}", ["option 'recoverable', credential 'a', store 'local'", "for good"]),
    ("{name: a, state: gone}", ["value of state must be one of: present, absent, revoked, restored, got: gone"]),
    ("{name: a, state: restored}", ["credential 'a', store 'local'", "there is no credential of that name"]),
    ("{name: a, generate: {length: many}}", ["length", "int"]),
    ("{name: a, generate: {length: 3}}", ["option 'generate', credential 'a', store 'local'", "8 to 1024"]),
    ("{name: a, type: nonsense}", ["'a'", "nonsense", "basic"]),
    ("{name: a, type: basic, fields: {usrname: x}}", ["option 'fields', credential 'a', store 'local'", "username"]),
    ("{name: a, ttl: soon}", ["option 'ttl'", "90d"]),
    ("{name: a, expires_at: tomorrow}", ["option 'expires_at'", "ISO 8601"]),
    ("{name: a, policy: {kind: periodic}}", ["policy", "every"]),
    ("{name: a, value: '?', encoding: base64}", ["option 'value'", "base64"]),
    ("{name: '../a'}", ["option 'name'", "'../a'", "segments"]),
    ("{name: 'a/'}", ["option 'name'", "'a/'"]),
    ('{name: "a\\tb"}', ["option 'name'", "\\t"]),
    ("{name: " + "x" * 500 + "}", ["option 'name'", "500 characters"]),
    ("{name: a, store: nowhere}", ["option 'store': there is no store 'nowhere'", "Known stores: local"]),
    ("{name: a, store: {backend: lokal}}", ["option 'backend', ", "lokal", "local"]),
    ("{name: a, store: {backend: local, pathh: /x}}", ["option 'pathh', ", "Did you mean 'path'"]),
    ("{name: a, store: {backend: local, path: '{{ playbook_dir }}/s', format: yaml}}", ["store 'inline'", "allow_plaintext"]),
    ("{name: a, run_on: target}", ["option 'run_on'", "store 'local'", "default key"]),
]


def test_bad_input_is_told_by_option_credential_and_store(project):
    """What is wrong, where, and what to do; nothing is stored."""
    tasks = "\n".join(
        "- {{name: bad {0}, ignore_errors: true, nebula.credential.credential: {1}}}".format(number, arguments)
        for number, (arguments, _words) in enumerate(BAD)
    )
    run = project.play(tasks).succeeded()
    for number, (arguments, words) in enumerate(BAD):
        result = run.result("bad {0}".format(number))
        assert result.get("failed"), arguments
        for word in words:
            assert word in result["msg"], (arguments, result["msg"])
        assert "Traceback" not in str(result)
        assert "unforeseen" not in result["msg"], result["msg"]
    assert not list(project.home.rglob("*.enc"))


def test_no_message_holds_a_value(project):
    """Whichever way the arguments are wrong."""
    wrong = [
        "{name: a, type: basic, fields: {usrname: CANARY}}",
        "{name: a, type: basic, fields: CANARY}",
        "{name: a, value: CANARY, vlaue: CANARY2}",
        "{name: a, value: CANARY, state: CANARY}",
        "{name: a, value: CANARY-?, encoding: base64}",
        "{credentials: [{name: a, value: CANARY, stat: x}]}",
        "{credentials: [{name: '../a', value: CANARY}]}",
        "{name: a, store: {backend: local, key_sources: CANARY}}",
        "{name: a, store: {backend: local, path: /p, key_sources: [{source: passphrase, passphrase: CANARY, x: y}]}}",
    ]
    for arguments in wrong:
        text = arguments.replace("CANARY2", "2").replace("CANARY", '"{{ canary }}"').replace('"{{ canary }}"-?', '"{{ canary }}-?"')
        run = project.play("- nebula.credential.credential: {0}".format(text), "-vvv", variables="{canary: !unsafe '" + CANARY + "'}")
        message = run.failed()
        assert CANARY not in run.output, (arguments, message)


def test_expected_version_is_compared_and_named(project):
    run = project.play(
        """
- {name: made, nebula.credential.credential: {name: a}}
- {name: lost, nebula.credential.credential: {name: a, value: long enough, expected_version: "7"}}
"""
    )
    message = run.failed()
    assert "credential 'a', store 'local'" in message
    assert "7" in message
    assert run.result("lost")["code"] == "conflict"


def test_scope_is_asserted_and_enforced(project):
    run = project.play(
        """
- {name: made, nebula.credential.credential: {name: a, scope: {workflow: deploy}}}
- {name: again, nebula.credential.credential: {name: a, scope: {workflow: deploy}}}
- {name: hidden, nebula.credential.credential_info: {}}
- {name: shown, nebula.credential.credential_info: {scope: {workflow: deploy}}}
- {name: other, nebula.credential.credential: {name: a, state: absent, scope: {workflow: audit}}}
"""
    )
    assert "the scope does not match in 'workflow'" in run.failed()
    assert run.result("other")["code"] == "access_denied"
    assert run.result("again")["changed"] is False
    assert run.result("hidden")["credentials"] == []
    assert [known["name"] for known in run.result("shown")["credentials"]] == ["a"]


def test_info_filters_queries_and_tells_the_stores_health(project):
    run = project.play(
        """
- nebula.credential.credential:
    credentials:
      - {name: app/a, type: basic, tags: {team: x}, ttl: 1h}
      - {name: app/b, type: api_key, tags: {team: y}}
      - {name: c, state: present}
- {name: c is revoked, nebula.credential.credential: {name: c, state: revoked}}
- {name: prefix, nebula.credential.credential_info: {prefix: app/}}
- {name: type, nebula.credential.credential_info: {type: api_key}}
- {name: tags, nebula.credential.credential_info: {tags: {team: x}}}
- {name: lifecycle, nebula.credential.credential_info: {lifecycle: [revoked]}}
- {name: expiring, nebula.credential.credential_info: {expires_within: 2h}}
- {name: names, nebula.credential.credential_info: {names: [c, gone], health: true}}
- {name: created, nebula.credential.credential_info: {created_after: "2099-01-01T00:00:00Z"}}
- {name: query, nebula.credential.credential_info: {query: "length(@)"}}
- {name: bad query, ignore_errors: true, nebula.credential.credential_info: {query: "[?"}}
"""
    ).succeeded()
    found = {
        name: [known["name"] for known in run.result(name)["credentials"]] for name in ("prefix", "type", "tags", "lifecycle", "expiring")
    }
    assert found == {"prefix": ["app/a", "app/b"], "type": ["app/b"], "tags": ["app/a"], "lifecycle": ["c"], "expiring": ["app/a"]}
    assert run.result("names")["missing"] == ["gone"]
    assert run.result("names")["health"]["status"] == "healthy"
    assert run.result("created")["credentials"] == []
    assert run.result("query")["credentials"] == 3
    assert "option 'query'" in run.result("bad query")["msg"]


def test_module_defaults_reach_every_module_by_the_group(project):
    run = project.play(
        """
- {name: made, nebula.credential.credential: {name: a}}
- {name: info, nebula.credential.credential_info: {}}
""",
        header="  module_defaults: {group/nebula.credential.credential: {store: {backend: local, path: '{{ playbook_dir }}/g'}}}",
    ).succeeded()
    assert len(run.result("info")["credentials"]) == 1
    assert (project.directory / "g" / "a.enc").exists()


def test_a_task_may_judge_a_failure_for_itself(project):
    """`failed_when`, `until` and a rescue see it, as they see a real module's."""
    run = project.play(
        """
- name: judged
  nebula.credential.credential: {name: a, type: nonsense}
  register: judged
  failed_when: judged.code != 'unsupported_type'
- name: tried again
  nebula.credential.credential: {name: a, type: nonsense}
  register: tried
  until: tried is succeeded
  retries: 2
  delay: 0
  failed_when: tried.attempts != 2
"""
    ).succeeded()
    assert run.result("tried again")["attempts"] == 2


MANY = "{%- set many = [] -%}{%- for n in range(200) -%}{%- set _ = many.append({'name': 'c%03d' | format(n)}) -%}{%- endfor -%}{{ many }}"


def test_info_describes_all_unless_there_is_a_limit(project):
    run = project.play(
        """
- nebula.credential.credential: {credentials: "{{ many }}"}
- {name: all, nebula.credential.credential_info: {}}
- {name: some, nebula.credential.credential_info: {limit: 2, versions: true}}
- {name: enough, nebula.credential.credential_info: {prefix: c02, limit: 10, query: "[].name"}}
- {name: none, nebula.credential.credential_info: {limit: 0}}
""",
        "-e",
        json.dumps({"many": MANY}),
    )
    assert "option 'limit'" in run.failed()
    assert len(run.result("all")["credentials"]) == 200
    assert "total" not in run.result("all")
    some = run.result("some")
    assert ([row["name"] for row in some["credentials"]], some["total"], some["truncated"]) == (["c000", "c001"], 200, True)
    assert (len(run.result("enough")["credentials"]), run.result("enough")["truncated"]) == (10, False)


def test_one_bad_credential_of_many_prints_little(project):
    run = project.play(
        """
- nebula.credential.credential: {credentials: "{{ many }}"}
- nebula.credential.credential: {credentials: "{{ many + [{'name': 'bad', 'type': 'nonsense'}] }}"}
""",
        "-e",
        json.dumps({"many": MANY}),
    )
    assert "1 of 201 failed: 'bad' (unsupported_type). The first: " in run.failed()
    assert len(run.output) < 4000
