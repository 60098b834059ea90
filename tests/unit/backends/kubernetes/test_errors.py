# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a refused write is called: by the fields or the rule that the API server names, and never in its own words."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import errors
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import Answer, Asked
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied


def failure(code, message):
    asked = Asked("update", "secrets", "default", "https://cluster", "nebula-a")
    return errors.failure(asked, Answer(code, {"kind": "Status", "code": code, "message": message}))


def test_an_invalid_secret_without_a_field_is_not_said_to_have_one():
    error = failure(422, "canary")
    assert "names no field" in str(error)
    assert "those fields" not in str(error)


@pytest.mark.parametrize("code", [400, 403, 422])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("is invalid: : Invalid value: ValidatingAdmissionPolicy 'no.data' with binding 'b' denied request: canary", "no.data"),
        ("ValidatingAdmissionPolicy 'plain' denied request: canary", "plain"),
        ('admission webhook "hook.example.com" denied the request: canary', "hook.example.com"),
    ],
)
def test_an_admission_rule_that_refuses_is_named_whatever_the_status(code, text, rule):
    error = failure(code, text)
    assert isinstance(error, AccessDenied)
    assert "'{0}' of the cluster refuses to update secrets".format(rule) in str(error)
    assert "canary" not in str(error)
