# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a session, in each place that may say them, and the same answers without one."""

from __future__ import annotations

import json

import pytest

from tests.integration.counted import read

READ_TWICE = read("a") + "\n" + read("a")
PLACES = ["variable", "environment", "ansible.cfg", "nebula.yml"]


def said_in(project, place, what):
    """Say it there; answers the arguments and the environment that this takes."""
    text = what if isinstance(what, str) else json.dumps(what)
    if place == "variable":
        return ["-e", json.dumps({"nebula_credential_session": what})], {}
    if place == "environment":
        return [], {"NEBULA_CREDENTIAL_SESSION": text}
    if place == "ansible.cfg":
        project.write("ansible.cfg", "[nebula_credential]\nsession = {0}\n".format(text))
        return [], {}
    file = project.directory / "nebula.yml"
    content = json.loads(file.read_text()) if file.exists() else {}
    project.write("nebula.yml", json.dumps({**content, "session": what}))
    return [], {}


def run_with(project, tasks, *said):
    """Run tasks; each of `said` is a place and what stands there."""
    arguments, environment = [], {}
    for place, what in said:
        more, variables = said_in(project, place, what)
        arguments += more
        environment.update(variables)
    return project.play(tasks, *arguments, **environment)


@pytest.mark.parametrize("stronger", [*(pytest.param(each, marks=pytest.mark.long) for each in (0, 1)), 2, 3])
def test_the_first_place_that_says_something_counts(project, counted, stronger):
    """Variable, environment, ansible.cfg, nebula.yml: each overrules those after it, both ways."""
    others = [(place, True) for place in PLACES[stronger + 1 :]]
    run_with(project, READ_TWICE, (PLACES[stronger], False), *others).succeeded()
    assert (counted.logins(), counted.reads()) == (2, {"a": 2})
    counted.start_over()
    others = [(place, False) for place in PLACES[stronger + 1 :]]
    run_with(project, READ_TWICE, (PLACES[stronger], True), *others).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


def test_places_complete_each_other(project, counted):
    """What one says of one option leaves what a weaker one says of another."""
    run_with(
        project, READ_TWICE, ("variable", {"enabled": True}), ("environment", {"ttl": 0}), ("nebula.yml", {"enabled": False})
    ).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 2})


def test_nothing_is_kept_with_no_entries_or_bytes_for_it(project, counted):
    """The session then serves with its login and its stores alone; what there is room for is kept."""
    both = READ_TWICE + "\n" + read("b") + "\n" + READ_TWICE
    run_with(project, both, ("environment", {"enabled": True, "max_bytes": 0})).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 4, "b": 1})
    counted.start_over()
    run_with(project, both, ("environment", {"enabled": True, "max_entries": 1})).succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 2, "b": 1})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"ttl": "soon"}, ".ttl': it cannot be read as float"),
        ({"ttl": True}, ".ttl': it cannot be read as float"),
        ({"max_entries": 0}, ".max_entries': it is too small"),
        ({"refresh_ahed": 1}, "there is no session option 'refresh_ahed'"),
        ("maybe", ".enabled': it cannot be read as bool"),
    ],
)
def test_a_wrong_option_fails_with_its_name_and_place(project, place, said, told):
    """Before any session is started; the message says what is allowed."""
    project.write("ansible.cfg", "[defaults]\n")
    message = run_with(project, "- {nebula.credential.credential_info: {}}", (place, said)).failed()
    assert told in message
    assert {"variable": "nebula_credential_session", "environment": "NEBULA_CREDENTIAL_SESSION"}.get(place, place) in message or (
        place == "ansible.cfg" and "[nebula_credential] session" in message
    )


ANSWERS = """
- {name: made, nebula.credential.credential: {name: db, type: database, fields: {host: h, username: u, password: pw-canary}}}
- {name: field, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', field='host') }}"}}
- {name: field again, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', field='host') }}"}}
- {name: all, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', fields=['host', 'username']) }}"}}
- {name: all again, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', fields=['host', 'username']) }}"}}
- {name: none, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'none', default='d') }}"}}
- {name: missing, ignore_errors: true, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'none') }}"}}
- {name: wrong, ignore_errors: true, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', fild='host') }}"}}
- {name: names, ignore_errors: true, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'a', 'b') }}"}}
- {name: many, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get_many', 'db', 'none', default='d') | list }}"}}
- {name: found, ansible.builtin.debug: {msg: "{{ query('nebula.credential.find', prefix='d') | length }}"}}
- {name: bad, ignore_errors: true, nebula.credential.credential: {name: "../x"}}
- {name: unknown, ignore_errors: true, nebula.credential.credential: {name: x, nmae: y}}
"""


def test_the_answers_are_the_same_with_and_without_a_session(project):
    """Values, defaults, errors, their codes and remedies, and what was changed."""
    told = []
    for said in (True, False):
        run = run_with(project, ANSWERS + "- {name: r, nebula.credential.credential: {name: db, state: absent}}", ("environment", said))
        run.succeeded()
        results = [dict(entry["result"], task=entry["task"], status=entry["status"]) for entry in run.results]
        told.append([{name: one.get(name) for name in ("task", "status", "msg", "code", "changed", "remedy")} for one in results])
    assert told[0] == told[1]


def test_what_is_configured_is_said_by_no_process_that_has_no_session(project):
    """`session: false` starts none: nothing is left, nothing is warned of."""
    run = run_with(project, ANSWERS, ("environment", False)).succeeded()
    assert "session" not in run.output
