# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a type refuses a refresh or a rotation, the message says what does help with a credential of these fields."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import refresh_unsupported_error
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named


@pytest.mark.parametrize(
    ("kind", "fields", "what", "remedy"),
    [
        ("api_key", {"api_key": "x"}, "type 'api_key' cannot be refreshed", "Write a new value, or rotate it"),
        ("totp", {"secret": "JBSWY3DPEHPK3PXP"}, "type 'totp' cannot be refreshed", "Read it"),
        ("chain", {"credentials": "a,b"}, "type 'chain' cannot be refreshed", "Refresh the credentials that it names"),
        ("composite", {"value": "a"}, "type 'composite' cannot be refreshed", "Refresh the credentials that it names"),
        ("ssh_key", {"private_key": "x"}, "type 'ssh_key' cannot be refreshed", "Write a new value, or rotate it"),
        ("ssh_key", {"private_key": "x", "ca": "ca"}, "type 'ssh_key' cannot be refreshed", "Run the module credential with it"),
        ("certificate", {"issuer": "self"}, "nothing to refresh with", "Run the module credential with it"),
        ("certificate", {"issuer": "ca", "ca": "ca"}, "nothing to refresh with", "Run the module credential with it"),
        ("certificate", {"issuer": "other"}, "nothing to refresh with", "Write the new key and its certificate"),
        ("jwt", {"token": "a.b.c"}, "nothing to refresh with", "Get a new one from the service"),
        ("aws", {"access_key_id": "x", "secret_access_key": "y"}, "nothing to refresh with", "Set 'role_arn'"),
        ("oauth2", {"client_id": "x", "grant": "device_code", "token_url": "https://x.example"}, "nothing to", "module credential_flow"),
    ],
)
def test_a_refusal_to_refresh_says_what_helps(kind, fields, what, remedy):
    given = {name: Secret(value) for name, value in fields.items()}
    said = refresh_unsupported_error(type_named(kind, {}), given)
    assert what in said.what
    assert remedy in said.remedy


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("oauth2", "credential_refresh"),
        ("chain", "Rotate the credentials that it names"),
        ("composite", "Rotate the credentials that it names"),
    ],
)
def test_a_type_that_is_not_rotated_says_what_helps(kind, remedy):
    assert remedy in type_named(kind, {}).explain_no_rotation()
