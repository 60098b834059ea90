# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is secret in a session's answers is masked where ansible-core masks (2.22), by whatever way a lookup got it."""

from __future__ import annotations

import base64
from urllib.parse import quote

from tests.integration.counted import ON

SECRET = "c4nary &value/$of a"
SHORT = "yes"
TASKS = """
- {name: made, nebula.credential.credential: {name: db, type: database, fields: {host: localhost, username: app, password: "{{ secret }}"}}}
- {name: short, nebula.credential.credential: {name: short, type: custom, declared_fields: [{name: pin}], fields: {pin: "yes"}}}
- {name: fetched, ansible.builtin.debug: {msg: "{{ LOOKUP }}"}}
- {name: hit, ansible.builtin.debug: {msg: "{{ LOOKUP }}"}}
- {name: many, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get_many', ['db', 'short']) }}"}}
- {name: many hit, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get_many', ['db', 'short']) }}"}}
- {name: derived, ansible.builtin.debug: {msg: "{{ LOOKUP | b64encode }} {{ LOOKUP | urlencode }} {{ LOOKUP | quote }}"}}
- {name: shifted, ansible.builtin.debug: {msg: "{{ ('x' + LOOKUP) | b64encode }} {{ ('xy' + LOOKUP) | b64encode }}"}}
- {name: pins, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'short') }} yes localhost app"}}
- {name: pins hit, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'short') }} yes localhost app"}}
- {name: all, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', fields=['host', 'username', 'password']) }}"}}
- {name: all hit, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db', fields=['host', 'username', 'password']) }}"}}
- {name: kept, ansible.builtin.set_fact: {kept: "{{ LOOKUP }}"}}
- {name: later, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db') and kept }}"}}
- {name: returned, register: returned, nebula.credential.credential: {name: db, return_value: true}}
- {name: shown, ansible.builtin.debug: {msg: "{{ returned.value }}"}}
- {name: failing, ignore_errors: true, ansible.builtin.fail: {msg: "it was {{ LOOKUP }}"}}
""".replace("LOOKUP", "lookup('nebula.credential.get', 'db')")


def test_every_way_to_a_secret_masks_it(project):
    """And its derived forms. What is not secret, and what is shorter than four characters, stays readable."""
    project.write("vars.yml", "secret: '{0}'\n".format(SECRET))
    storing, reading = TASKS[: TASKS.index("- {name: fetched")], TASKS[TASKS.index("- {name: fetched") :]
    project.play(storing, "-e", "@vars.yml", **ON).succeeded()
    run = project.play(reading, **ON).succeeded()
    forms = [SECRET, quote(SECRET), quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()]
    forms += [base64.b64encode(b"x" + SECRET.encode()).decode()[4:-4], SECRET[:8]]
    assert [form for form in forms if form in run.output] == []
    for task in ("pins", "pins hit"):
        assert run.result(task)["msg"] == "yes yes localhost app"
    for task in ("all", "all hit"):
        assert "localhost" in str(run.result(task)["msg"])
