# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said when a server does not respond: its address; and when packages are missing: all of them."""

from __future__ import annotations

import shlex
import sys

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    TENACITY,
    CredentialError,
    MissingLibrary,
    Package,
    StorageError,
    Unavailable,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import HARNESSES
from tests.servers import scripted

NOWHERE = {
    name: harness.unreachable
    for name, harness in HARNESSES.items()
    if harness.unreachable and not backend_class(name).capabilities.write_only
}


def read(config):
    store = open_store({"audit": "off", "max_retries": 0, **config}, name="prod")
    try:
        with pytest.raises(CredentialError) as caught:
            store.token("db")
        return caught.value
    finally:
        store.close()


@pytest.mark.parametrize("backend", sorted(NOWHERE))
def test_a_server_that_is_down_is_named_by_its_address_with_the_store(backend):
    error = read({"backend": backend, **NOWHERE[backend]("canary")})
    assert isinstance(error, Unavailable)
    assert error.store == "prod"
    assert "127.0.0.1:" in error.what


@pytest.mark.parametrize(
    ("config", "option"),
    [({"backend": "vault", "url": "{0}", "auth": {"token": "x"}}, "url")],
)
def test_tls_with_a_port_that_speaks_plain_http_names_the_address(config, option):
    with scripted.running() as server:
        url = server.url.replace("http://", "https://")
        error = read({name: value.format(url) if value == "{0}" else value for name, value in config.items()})
    assert isinstance(error, StorageError)
    assert error.option == option
    assert url in error.what


def test_all_missing_packages_are_named_at_once_and_the_python_that_lacks_them():
    absent = (Package("nebula-absent-one>=1", "nebula_absent_one"), TENACITY, Package("nebula-absent-two[x]>=2", "nebula_absent_two"))
    with pytest.raises(MissingLibrary) as caught:
        check_packages((*absent, absent[0]))
    assert caught.value.what.endswith(": nebula_absent_one, nebula_absent_two")
    command = "{0} -m pip install 'nebula-absent-one>=1' 'nebula-absent-two[x]>=2'".format(shlex.quote(sys.executable))
    assert command in caught.value.remedy
