# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is registered with ansible-core's masking, and what is kept out of results."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.invocation import CENSORED, censor_invocation
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret, derive_forms
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from tests.conftest import COLLECTION_ROOT


@given(st.binary(min_size=4, max_size=60), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_of_a_text_that_holds_the_secret_holds_one_of_its_forms(secret, before, after):
    """Whatever stands before and after it."""
    encoded = base64.b64encode(before + secret + after).decode()
    assert any(form in encoded for form in derive_forms(secret))


def test_quoted_forms_are_known():
    forms = derive_forms(b"p@ss w/rd'")
    assert {"p@ss w/rd'", quote("p@ss w/rd'", safe=""), "p%40ss+w%2Frd%27", "'p@ss w/rd'\"'\"''"} <= forms


def test_values_under_four_characters_are_not_registered(monkeypatch):
    registered = []
    monkeypatch.setattr(masking, "register_secrets", registered.extend)
    masking.register([Secret("abc"), Secret("long enough")])
    assert "long enough" in registered
    assert "abc" not in registered
    assert all(len(form) >= masking.SHORTEST for form in registered)


def test_without_masking_in_ansible_core_nothing_happens(monkeypatch):
    monkeypatch.setattr(masking, "register_secrets", None)
    masking.register([Secret("long enough")])


def test_secrets_are_taken_out_of_results_where_ansible_core_does_not_mask(monkeypatch):
    monkeypatch.setattr(masking, "register_secrets", None)
    canary = "canary-" + os.urandom(4).hex()
    cleaned = masking.without({"changed": True, "list": ["x " + canary], "one": "abc"}, [Secret(canary), Secret("abc")])
    assert canary not in str(cleaned)
    assert cleaned["one"] == "abc"
    assert cleaned["changed"] is True


def test_an_invocation_withholds_secrets_at_any_depth_and_a_stores_logins():
    shown = censor_invocation(
        {
            "name": "db",
            "value": "canary",
            "fields": {"password": "canary"},
            "credentials": [{"name": "x", "value": "canary", "fields": None}],
            "store": {"backend": "local", "path": "/x", "key_sources": [{"passphrase": "canary"}]},
        },
        CREDENTIAL.argument_spec,
    )
    assert "canary" not in str(shown)
    assert shown["value"] == shown["fields"] == shown["credentials"][0]["value"] == CENSORED
    assert shown["credentials"][0]["fields"] is None
    assert shown["store"]["backend"] == "local"


def test_a_core_that_masks_nothing_is_not_searched_for_it():
    """Its own finder would read all redirections of its plugins first, in every worker: 50 ms."""
    program = """
import sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([sys.argv[1]])
import ansible_collections.nebula.credential.plugins.plugin_utils.output.masking
print("ansible_collections.ansible.builtin" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, str(COLLECTION_ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
