# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every failure of every plugin has a code: a module's result as `code`, a lookup's message at its end."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from tests.conftest import CHECKOUT

MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))
LOOKUPS = sorted(path.stem for path in (CHECKOUT / "plugins" / "lookup").glob("*.py"))
ELSEWHERE = {"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"token": "x"}, "max_retries": 0}
USUAL = {
    "vault_request": {"path": "sys/mounts"},
    "credential": {"name": "db"},
    "credential_rotate": {"name": "db", "target": "none"},
    "store_key": {"state": "rotated"},
}
WAYS = {
    "an unknown option": ({"nonsense": 1}, {}),
    "a wrong choice": ({"run_on": "moon"}, {}),
    "an unknown store": ({"store": "nowhere"}, {}),
    "a store that is none": ({"store": 5}, {}),
    "an unknown option of a store": ({"store": {"backend": "local", "pth": "x"}}, {}),
    "a template in the environment": ({}, {"environment": {"NEBULA_CREDENTIAL_STORE": "{{ '{' ~ '{ x }' ~ '}' }}"}}),
    "async": ({}, {"async": 10, "poll": 0}),
    "a host without Python": (
        {"run_on": "target", "store": ELSEWHERE},
        {"vars": {"ansible_python_interpreter": "/nowhere/python"}},
    ),
    "a server that is down, on a host": ({"run_on": "target", "store": ELSEWHERE}, {}),
    "a server that is down": ({"store": ELSEWHERE}, {}),
}
SPARED = {
    *(("store_info", way) for way in ("an unknown option of a store", "a server that is down", "a server that is down, on a host")),
    *(("cache", way) for way in WAYS if way.startswith(("an unknown option of a store", "a server", "a wrong choice", "a host"))),
}
"""What does not fail: its result is that the store is down, or is about the session alone."""
WRONG = {
    "an unknown option": "'db', nonsense=1",
    "an unknown store": "'db', store='nowhere'",
    "a value that is missing": "'db'",
    "names that are none": "5",
    "a server that is down": "'db', store={0}".format(ELSEWHERE),
    "a reaction without its default": "'db', on_missing='default'",
}


def known(kind=CredentialError):
    yield kind.code
    for one in kind.__subclasses__():
        yield from known(one)


@pytest.fixture(scope="module")
def codes():
    return set(known())


def tasks():
    for module in MODULES:
        for way, (options, keywords) in WAYS.items():
            name = "{0}: {1}".format(module, way)
            yield {"name": name, "nebula.credential." + module: {**USUAL.get(module, {}), **options}, "ignore_errors": True, **keywords}


def test_every_failure_of_a_module_has_a_code(project, codes):
    run = project.play(yaml.safe_dump(list(tasks()), sort_keys=False), NEBULA_CREDENTIAL_SESSION="false")
    missing = []
    for module in MODULES:
        for way in WAYS:
            result = run.result("{0}: {1}".format(module, way))
            if (module, way) in SPARED:
                continue
            if not result.get("failed") or result.get("code") not in codes or not result.get("msg"):
                missing.append((module, way, result.get("failed"), result.get("code"), result.get("msg")))
    assert not missing


def test_every_failure_of_a_lookup_ends_with_its_code_and_names_the_plugin_once(project, codes):
    found = []
    for lookup in LOOKUPS:
        for way, arguments in WRONG.items():
            if lookup == "find" and way in ("a value that is missing", "a reaction without its default"):
                continue
            given = arguments if lookup != "find" or way == "names that are none" else arguments.partition(", ")[2]
            call = "lookup('nebula.credential.{0}', {1})".format(lookup, given)
            found.append({"name": lookup + way, "ansible.builtin.debug": {"msg": "{{ " + call + " }}"}, "ignore_errors": True})
    run = project.play(yaml.safe_dump(found, sort_keys=False), NEBULA_CREDENTIAL_SESSION="false")
    for task in found:
        result = run.result(task["name"])
        code = re.search(r"\[code: (\w+)\]", result["msg"])
        assert result["failed"]
        assert code is not None, (task["name"], result["msg"])
        assert code.group(1) in codes
        # ansible-core names the plugin at the end of its own words.
        ours = result["msg"].rpartition("' failed: ")[2]
        assert ours
        assert not ours.startswith(("nebula.", "get", "find"))
        assert "(nebula.credential." not in ours


def test_a_failing_list_has_a_code_for_the_task_and_for_each_element(project, codes):
    run = project.play(
        """
        - name: write
          nebula.credential.credential: {credentials: [{name: a, type: nonsense}, {name: b}]}
          ignore_errors: true
        - name: read
          nebula.credential.credential_info: {names: [a, b]}
        """.replace("\n        ", "\n")
    )
    written = run.result("write")
    assert written["code"] == "unsupported_type"
    assert all(one["code"] in codes for one in written["results"] if one.get("failed"))
    assert all(failure["code"] in codes for failure in run.result("read")["failures"].values())
