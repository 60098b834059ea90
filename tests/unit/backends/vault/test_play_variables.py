# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ansible variables of community.hashi_vault: which options they stand for, and what wins."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.lookup import get
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import THEIRS, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.play_variables import fill_from_play, list_variables
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

HOST = "https://vault.example.com"


def filled(config=None, **variables):
    given = {THEIRS + name: value for name, value in variables.items()}
    return dict(fill_from_play(config or {}, given.get))


def test_the_options_of_a_connection_and_of_its_login_come_from_variables():
    found = filled(
        url=HOST, validate_certs=False, namespace="team", ca_cert="/ca", timeout=9, auth_method="approle", role_id="r", secret_id="s"
    )
    login = {"method": "approle", "role_id": "r", "secret_id": "s"}
    times = {"read_timeout": 9, "write_timeout": 9}
    assert found == {"url": HOST, "verify": False, "namespace": "team", "ca_cert": "/ca", **times, "auth": login}


@pytest.mark.parametrize(
    ("written", "variables", "auth"),
    [
        ({}, {"token": "t"}, {"method": "token", "token": "t"}),
        ({"auth": {"token_file": "/f"}}, {"token": "t"}, {"token_file": "/f"}),
        (
            {"auth": {"method": "userpass", "username": "a"}},
            {"username": "b", "password": "p"},
            {"method": "userpass", "username": "a", "password": "p"},
        ),
        ({"auth": {"method": "approle", "role_id": "a"}}, {"auth_method": "token", "token": "t"}, {"method": "approle", "role_id": "a"}),
        (
            {},
            {"auth_method": "ldap", "username": "u", "password": "p", "token": "t", "mount_point": "m"},
            {"method": "ldap", "username": "u", "password": "p", "mount": "m"},
        ),
        ({}, {"auth_method": "none", "token": "t"}, {"method": "none"}),
    ],
)
def test_what_is_written_wins_and_a_method_gets_only_what_it_takes(written, variables, auth):
    assert filled(written, **variables)["auth"] == auth


def test_without_a_variable_nothing_is_changed():
    assert filled({"url": HOST, "auth": {"token": "t"}}) == {"url": HOST, "auth": {"token": "t"}}
    assert filled({"url": HOST}) == {"url": HOST}


@pytest.mark.parametrize("variable", ["proxies", "token_path", "retry_action"])
def test_a_variable_that_is_not_followed_is_refused_by_name(variable):
    with pytest.raises(InvalidConfiguration, match=THEIRS + variable):
        filled(**{variable: "x"})


def test_a_lookup_knows_every_variable_that_may_choose_what_is_read():
    begins = {BACKENDS[name]()[0].play_variables for name in BACKENDS} - {""}
    assert begins == {get.THEIRS} == {TRAITS.play_variables}
    assert all(name.startswith(THEIRS) for names in list_variables().values() for name in names)


def test_other_values_are_another_request():
    asked = {
        get.digest("get", {}, {THEIRS + "url": url}, lambda text: text.replace("{{ x }}", "y")) for url in (HOST, HOST + "2", "{{ x }}")
    }
    assert len(asked) == 3
