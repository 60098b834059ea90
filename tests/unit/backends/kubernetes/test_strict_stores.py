# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict store in a cluster: its values are encrypted, and no file of a login may leave a certificate unchecked."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks.configuration import build_lock
from ansible_collections.nebula.credential.plugins.module_utils.store.open import _validate, open_store


def test_fields_in_kubernetes_are_refused_unless_they_are_encrypted():
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({"backend": "kubernetes", "host": "https://127.0.0.1:1", "namespace": "n", "token": "x", "security": "strict"})
    assert caught.value.option == "encrypt"


@pytest.fixture
def kubeconfig(tmp_path):
    """A kubeconfig that has no certificate checked."""
    cluster = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "current-context": "x",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def test_a_kubeconfig_that_checks_no_certificate_is_refused(kubeconfig):
    with pytest.raises(InvalidConfiguration, match="insecure-skip-tls-verify") as caught:
        open_store({"backend": "kubernetes", "kubeconfig": kubeconfig, "encrypt": True, "security": "strict"}).get("x")
    assert caught.value.option == "kubeconfig"


def test_so_is_that_of_a_lock(kubeconfig):
    options = {"lock": {"kind": "kubernetes", "kubeconfig": kubeconfig}, "security": "strict"}
    lock = build_lock(options, "prod", lambda _message: None, _validate).service.build_lock("x")
    with pytest.raises(InvalidConfiguration, match="insecure-skip-tls-verify") as caught:
        lock.try_acquire()
    assert caught.value.option.endswith("kubeconfig")
