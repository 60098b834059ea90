# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every place has a name of its own below the prefix, which AWS accepts and which leads back to the credential."""

from __future__ import annotations

import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_names import LONGEST, SecretNames
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import MAX_NAME
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES

ACCEPTED = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}\Z")
NAMES = ["db_pass", "db-pass", "db.pass", "app/db", "pending/db", "store", "x" * MAX_NAME]
KINDS = [*STAGES, "v1", "v12", "deleted"]


@pytest.mark.parametrize("prefix", ["", "nebula", "a/b.c=d@e", "p" * LONGEST])
def test_no_two_places_share_a_secret_and_each_leads_back(prefix):
    names = SecretNames(prefix)
    secrets = {names.find_secret(ObjectKey(name, kind)): (name, kind) for name in NAMES for kind in KINDS}
    assert len({*secrets, names.document}) == len(NAMES) * len(KINDS) + 1
    assert all(ACCEPTED.match(secret) and secret.startswith(prefix) for secret in (*secrets, names.document))
    for secret, (name, kind) in secrets.items():
        assert names.read_name(secret, kind) == name
        assert {other for other in KINDS if names.read_name(secret, other) is not None} == {kind}


def test_what_was_deleted_under_one_name_shares_a_secret():
    names = SecretNames("nebula")
    assert {names.find_secret(ObjectKey.of_tombstone("db", stage)) for stage in STAGES} == {"nebula/+deleted/db"}


@pytest.mark.parametrize("prefix", ["/a", "a/", "a//b", "a b", "+a", "a/+b", "ä", "p" * (LONGEST + 1)])
def test_a_prefix_that_is_none_is_refused(prefix):
    with pytest.raises(InvalidConfiguration) as caught:
        SecretNames(prefix)
    assert caught.value.option == "prefix"


@pytest.mark.parametrize("secret", ["other/db", "nebula", "nebula/", "nebula/a b", "nebula/a=b", "nebula/+pending/db"])
def test_a_secret_of_others_is_no_credential(secret):
    assert SecretNames("nebula").read_name(secret, "current") is None
