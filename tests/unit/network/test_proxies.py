# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which proxy leads to a server: the variables as curl and kubectl read them."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxy_for

PROXY, OTHER = "http://proxy.test:3128", "http://other.test:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
            monkeypatch.delenv(name)
    return monkeypatch.setenv


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://a.test/", None),
        ({"HTTPS_PROXY": PROXY}, "https://a.test/", PROXY),
        ({"https_proxy": PROXY}, "https://a.test/", PROXY),
        ({"HTTPS_PROXY": OTHER, "https_proxy": PROXY}, "https://a.test/", PROXY),
        ({"HTTPS_PROXY": OTHER, "https_proxy": ""}, "https://a.test/", None),
        ({"HTTPS_PROXY": PROXY}, "http://a.test/", None),
        ({"HTTP_PROXY": PROXY}, "http://a.test/", PROXY),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http://a.test/", None),
        ({"ALL_PROXY": PROXY}, "https://a.test/", PROXY),
        ({"ALL_PROXY": OTHER, "HTTPS_PROXY": PROXY}, "https://a.test/", PROXY),
        ({"HTTPS_PROXY": "proxy.test:3128"}, "https://a.test/", PROXY),
    ],
)
def test_the_scheme_says_which_variable_counts_and_small_letters_win(environment, variables, url, proxy):
    for name, value in variables.items():
        environment(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "localhost:8443", "localhost.", "127.1", "0x7f.1", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_reached_directly(environment, host):
    environment("HTTPS_PROXY", PROXY)
    assert proxy_for("https://{0}/".format(host)) is None


@pytest.mark.parametrize("login", ["me:31/canary", "me:31#canary", "me:31?canary", "me:can@ary", "me:can%ary"])
def test_a_login_that_is_not_percent_encoded_is_refused_without_a_part_of_it(environment, login):
    environment("HTTPS_PROXY", "http://{0}@proxy.test:3128".format(login))
    with pytest.raises(InvalidConfiguration, match="percent-encoded") as caught:
        proxy_for("https://a.test/")
    assert not [part for part in ("can", "me:", "proxy.test") if part in str(caught.value).replace("cannot", "")]


@pytest.mark.parametrize("host", ["localhost.test", "128.1", "127.0.0.1.test", "[::ffff:10.0.0.1]", "0.0.0.0"])
def test_another_machine_is_reached_through_it(environment, host):
    environment("HTTPS_PROXY", PROXY)
    assert proxy_for("https://{0}/".format(host)) == PROXY


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("entry", "direct", "through"),
    [
        ("*", ["a.test", "10.0.0.1"], []),
        ("example.com", ["example.com", "a.example.com", "EXAMPLE.com."], ["notexample.com", "example.org"]),
        (".example.com", ["a.example.com"], ["example.com", "notexample.com"]),
        ("*.example.com", ["a.example.com"], ["example.com"]),
        ("example.com.", ["example.com", "a.example.com."], ["notexample.com"]),
        (".example.com.", ["a.example.com"], ["example.com"]),
        (".", [], ["a.test", "a.test."]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "ten.test"]),
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.30"]),
        ("fd00::/8", ["[fd00::1]"], ["[fe80::1]", "10.0.0.1"]),
        ("[fd00::1]", ["[fd00::1]"], ["[fd00::2]"]),
        ("a.test:8443", ["a.test:8443"], ["a.test", "a.test:443"]),
        ("[fd00::1]:8443", ["[fd00::1]:8443"], ["[fd00::1]"]),
        ("a.test:443", ["a.test", "b.a.test"], ["a.test:8443"]),
        (" a.test , b.test,,", ["a.test", "b.test"], ["c.test"]),
        ("a.test  b.test\tc.test", ["a.test", "b.test", "c.test"], ["d.test"]),
        ("[fd00::]/8", ["[fd00::1]"], ["[fe80::1]"]),
        ("10.0.0.0/8", ["[::ffff:10.0.0.1]", "10.1"], ["11.1"]),
        ("", [], ["a.test"]),
        ("10.0.0.0/99", [], ["10.0.0.1"]),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(environment, name, entry, direct, through):
    environment("HTTPS_PROXY", PROXY)
    environment(name, entry)
    assert [proxy_for("https://{0}/".format(host)) for host in direct] == [None] * len(direct)
    assert [proxy_for("https://{0}/".format(host)) for host in through] == [PROXY] * len(through)
