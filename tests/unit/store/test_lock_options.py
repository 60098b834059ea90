# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mistake in a store's lock is found before any network is used, and named by its option."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import KINDS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of

KV1 = {"backend": "vault", "url": "https://vault.invalid:8200", "auth": {"token": "t"}, "kv_version": 1, "audit": "off"}
REDIS = {"kind": "redis", "url": "rediss://locks.invalid:6379/0"}
MISTAKES = {
    "no kind": ({"lock": {}}, "lock.kind", "Use one of: {0}.".format(", ".join(KINDS))),
    "an unknown kind": ({"lock": {"kind": "etcd"}}, "lock.kind", "Use one of: file"),
    "an option of another kind": ({"lock": {**REDIS, "path": "/x"}}, "lock.path", "there is no such option"),
    "a mistyped option": ({"lock": {**REDIS, "leese": 3}}, "lock.leese", "Did you mean 'lease'?"),
    "a lease that no file has": ({"lock": {"kind": "file", "lease": 30}}, "lock.lease", "there is no such option"),
    "a lease that ends before the write": ({"lock": {**REDIS, "lease": 10}}, "lock.lease", "'write_timeout' (10 s)"),
    "a wait without an end": ({"lock": {**REDIS, "wait": "inf"}}, "lock.wait", "Use 0 to 3600"),
    "a prefix that no Lease can have": ({"lock": {**REDIS, "prefix": "My Locks"}}, "lock.prefix", "lower-case letters"),
    "no address": ({"lock": {"kind": "redis"}}, "lock.url", "Write it as rediss://"),
    "a password without TLS": ({"lock": {**REDIS, "url": "redis://locks.invalid"}}, "lock.url", "does not use TLS"),
    "a login in two places": ({"lock": {**REDIS, "password": "canary", "password_env": "X"}}, "lock.password_env", "both given"),
    "an option under two names": ({"lock": {**REDIS, "ca_cert": "/a", "cacert": "/b"}}, "lock.cacert", "another name of 'ca_cert'"),
    "a database without such locks": ({"lock": {"kind": "postgresql", "url": "mysql://u@h/d"}}, "lock.url", "no such locks"),
    "a lock and a promise": ({"lock": {"kind": "file"}, "single_writer": True}, "lock", "Give one of them"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_part_of_the_lock(mistake):
    options, option, says = MISTAKES[mistake]
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({**KV1, **options}, name="old")
    assert caught.value.option == option
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("options", [{"lock": {"kind": "file"}}, {"single_writer": True}], ids=["lock", "single_writer"])
@pytest.mark.parametrize(("backend", "says"), [({"backend": "memory"}, "compares and swaps itself"), ({**KV1, "engine": "dynamic"}, None)])
def test_a_lock_that_would_change_nothing_is_refused(backend, says, options, home):
    chosen = {key: value for key, value in backend.items() if says or key != "kv_version"}
    with pytest.raises(InvalidConfiguration, match=says or "nothing is written to this store") as caught:
        open_store({**chosen, **options})
    assert caught.value.option in options


def test_the_login_of_a_lock_is_masked():
    config = {**KV1, "lock": {**REDIS, "password": "opens-the-locks"}}
    assert "opens-the-locks" in {secret.expose().decode() for secret in secrets_of(config)}
