# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a search of playbooks finds: names, where they are, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.scan import Scan

GET = "{{{{ lookup('nebula.credential.get', {0}) }}}}"


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def search(directory: Path, tasks: str = "", **files: str) -> Mentions:
    """Search a playbook of these tasks, beside other files (`__` in their names stands for `/`)."""
    write(directory, {name.replace("__", "/").replace("_yml", ".yml"): text for name, text in files.items()})
    lines = "\n".join("  " + line for line in tasks.strip("\n").splitlines())
    write(directory, {"site.yml": "- hosts: all\n  roles: [app]\n  tasks:\n{0}\n".format(lines) if tasks else "- hosts: all\n"})
    scan = Scan([directory / "shared"], [directory / "collections"])
    scan.search_playbook(directory / "site.yml")
    return scan.found


def names(found: Mentions) -> list[str]:
    return sorted(each.name for each in found.read)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("lookup('nebula.credential.get', 'a')", ["a"]),
        ("query('nebula.credential.get', 'a') | first", ["a"]),
        ("lookup('nebula.credential.get_many', 'a', ['b', 'c'])", ["a", "b", "c"]),
        ("x | default(lookup('nebula.credential.get', 'a')) ~ q('nebula.credential.file', 'b')", ["a", "b"]),
        ("lookup('nebula.credential.get', 'shop/' ~ 'db' + '_pass')", ["shop/db_pass"]),
        ("lookup('nebula.credential.find', prefix='a')", []),
        ("lookup('nebula.credential.vault', 'sys/mounts')", []),
        ("x == 'a' | nebula.credential.refetch", ["a"]),
        ("'a' | length", []),
        ("lookup('ansible.builtin.env', 'a')", []),
        ("'nebula.credential.get'", []),
    ],
)
def test_calls_of_the_lookups_are_read(tmp_path: Path, expression: str, expected: list[str]) -> None:
    found = search(tmp_path, '- debug:\n    msg: "{{ ' + expression + ' }}"\n')
    assert names(found) == expected
    assert [why for _place, why in found.untold if "role" not in why] == []


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("lookup('nebula.credential.get', name)", "the name is computed"),
        ("lookup('nebula.credential.get', 'a/' ~ env)", "the name is computed"),
        ("lookup('nebula.credential.get', 'a', store=which)", "the store is computed"),
        ("name | nebula.credential.refetch(timeout=3)", "the name is computed"),
        ("lookup('nebula.credential.get', *names)", "the arguments of 'nebula.credential.get' are computed"),
        ("lookup(which, 'nebula.credential.get')", "the lookup is computed"),
        ("lookup('nebula.credential.get', 'a'", "it is no template that can be read"),
    ],
)
def test_what_is_computed_is_listed_with_its_line(tmp_path: Path, expression: str, why: str) -> None:
    found = search(tmp_path, "- debug:\n    msg: >-\n      first\n      {{ " + expression + " }}\n")
    assert [(Path(place.path).name, place.line, reason) for place, reason in found.untold if "role" not in reason] == [
        ("site.yml", 6 + (why != "it is no template that can be read"), why)
    ] or [reason for _place, reason in found.untold if "role" not in reason] == [why]
    assert names(found) == []


def test_conditions_and_literal_loops_are_read(tmp_path: Path) -> None:
    tasks = """
- debug: {msg: "{{ lookup('nebula.credential.get', 'shop/' ~ item) }}"}
  loop: [one, two]
- debug: {msg: "{{ lookup('nebula.credential.get', each) }}"}
  with_items: [three]
  loop_control: {loop_var: each}
- debug: {msg: x}
  when:
    - lookup('nebula.credential.get', 'four') != ''
- assert: {that: "lookup('nebula.credential.get', 'five') != ''"}
- debug: {msg: "{{ lookup('nebula.credential.get', item) }}"}
  loop: "{{ several }}"
"""
    found = search(tmp_path, tasks)
    assert names(found) == ["five", "four", "shop/one", "shop/two", "three"]
    assert [why for _place, why in found.untold if "role" not in why] == ["the name is computed"]


def test_a_variable_has_one_value_in_a_name_and_no_name_has_countless_ones(tmp_path: Path) -> None:
    tasks = """
- debug: {msg: "{{ lookup('nebula.credential.get', item ~ '/' ~ item ~ '_pass') }}"}
  loop: [one, two]
- nebula.credential.run: {argv: [x], env: {A: {credential: "{{ item }}/{{ item }}"}}}
  loop: [three, four]
"""
    found = search(tmp_path, tasks)
    assert names(found) == ["four/four", "one/one_pass", "three/three", "two/two_pass"]
    many = "[" + ", ".join("'{0}'".format(number) for number in range(101)) + "]"
    found = search(tmp_path, "- debug: {{msg: \"{{{{ lookup('nebula.credential.get', {0} ~ {0}) }}}}\"}}\n".format(many))
    assert names(found) == []
    assert [why for _place, why in found.untold if "role" not in why] == ["the name is computed"]


def test_an_answer_makes_a_name_optional(tmp_path: Path) -> None:
    options = ("default='x'", "on_missing='skip'", "fallback=['b']", "on_missing='error'", "store='other'")
    tasks = "\n".join("- debug: {{msg: \"{{{{ lookup('nebula.credential.get', 'a', {0}) }}}}\"}}".format(each) for each in options)
    found = search(tmp_path, tasks)
    assert [each.is_optional for each in found.read] == [True, True, True, False, False]
    assert found.list_stores() == [None, "other"]


def test_modules_say_what_they_make_and_what_they_need(tmp_path: Path) -> None:
    tasks = """
- nebula.credential.credential: {name: made}
- nebula.credential.credential: {credentials: [{name: also/made}, {name: gone, state: absent}, {name: back, state: restored}]}
- nebula.credential.credential: {name: "{{ item }}"}
  loop: [looped]
- nebula.credential.credential_rotate: {name: rotated, target: none}
- nebula.credential.credential_refresh: {names: [refreshed, too], store: prod}
- nebula.credential.credential_info: {name: described}
- nebula.credential.deploy: {credential: deployed, dest: /x}
- nebula.credential.run: {argv: [a], env: {A: {credential: run/env}}}
- nebula.credential.credential: name=text
- nebula.credential.credential: {name: x, store: {backend: local}}
"""
    found = search(tmp_path, tasks)
    assert found.made == {("made", None), ("also/made", None), ("gone", None), ("looped", None)}
    assert names(found) == ["back", "deployed", "refreshed", "rotated", "run/env", "too"]
    assert [why for _place, why in found.untold if "role" not in why] == ["the arguments are no mapping", "the store is computed"]


def test_roles_includes_templates_and_variables_are_followed(tmp_path: Path) -> None:
    tasks = """
- include_tasks: more_yml
- ansible.builtin.import_tasks: {file: other_yml}
- include_role: {name: second}
- ansible.builtin.import_role: {name: ns.coll.third}
- template: {src: page.j2, dest: /x}
- include_tasks: "{{ computed }}.yml"
- include_role: {name: lost}
""".replace("_yml", ".yml")
    get = {name: GET.format(repr(name)) for name in "abcdefghijk"}
    found = search(
        tmp_path,
        tasks,
        more_yml='- debug: {{msg: "{0}"}}\n'.format(get["a"]),
        other_yml='- debug: {{msg: "{0}"}}\n'.format(get["b"]),
        roles__second__tasks__main_yml='- debug: {{msg: "{0}"}}\n'.format(get["c"]),
        roles__second__meta__main_yml="dependencies: [{role: fourth}]\n",
        shared__fourth__defaults__main_yml='x: "{0}"\n'.format(get["d"]),
        collections__ansible_collections__ns__coll__roles__third__handlers__main_yml='- debug: {{msg: "{0}"}}\n'.format(get["e"]),
        group_vars__all_yml='password: "{0}"\n'.format(get["h"]),
        roles__app__vars__main_yml='x: "{0}"\n'.format(get["i"]),
    )
    write(tmp_path, {"templates/page.j2": "one\n{0}\n".format(get["f"]), "roles/app/templates/a/b.conf": get["g"]})
    write(tmp_path, {"host_vars/web/db.credentials": "a: j\nb: {name: k, store: prod}\nc: 'x/{{ inventory_hostname }}'\n"})
    scan = Scan([tmp_path / "shared"], [tmp_path / "collections"])
    scan.search_playbook(tmp_path / "site.yml")
    found = scan.found
    assert names(found) == list("abcdefghijk")
    (template,) = [each.place for each in found.read if each.name == "f"]
    assert (Path(template.path).name, template.line) == ("page.j2", 2)
    reasons = sorted(why for _place, why in found.untold)
    assert reasons == ["the name is computed", "the name of a file is computed", "the role is not there"]


def test_nothing_vaulted_is_opened_and_nothing_unsafe_is_a_template(tmp_path: Path) -> None:
    unsafe = (
        "- debug:\n    msg: !unsafe \"{{ lookup('nebula.credential.get', 'a') }}\"\n- debug: {msg: !vault '$ANSIBLE_VAULT;1.1;AES256'}\n"
    )
    found = search(tmp_path, unsafe, group_vars__all_yml="$ANSIBLE_VAULT;1.1;AES256\n3132\n", group_vars__bad_yml="a: [\n")
    assert names(found) == []
    reasons = [why for _place, why in found.untold if "role" not in why]
    assert sorted(reasons) == ["it is no YAML that can be read", "the file is vaulted"]


def test_every_planted_name_in_a_hundred_files_is_found(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for number in range(100):
        text = '- debug:\n    msg: "' + GET.format("'n{0:03}'".format(number)) + '"\n'
        files["roles/r{0}/tasks/t{1}.yml".format(number % 10, number)] = text
    write(tmp_path, files)
    write(tmp_path, {"site.yml": "- hosts: all\n  roles: {0}\n".format(["r{0}".format(each) for each in range(10)])})
    scan = Scan([], [])
    scan.search_playbook(tmp_path / "site.yml")
    assert names(scan.found) == ["n{0:03}".format(number) for number in range(100)]
    assert len(scan.found.files) == 101
