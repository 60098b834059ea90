# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of the documentation hold every action that is called, and no other."""

from __future__ import annotations

import json
import re

from tests.conftest import CHECKOUT

REQUESTS = CHECKOUT / "plugins" / "module_utils" / "backends" / "aws" / "secret_requests.py"
POLICIES = CHECKOUT / "docs" / "policies"
WITH_CREATE = {"ReplicateSecretToRegions"}
"""What AWS requires for a parameter of another action: `AddReplicaRegions` of `CreateSecret`."""


def called():
    """The actions that the code names, each after the method of the client."""
    return set(re.findall(r'"[a-z]+(?:_[a-z]+)+",\s*"([A-Z][A-Za-z]+)"', REQUESTS.read_text(encoding="utf-8")))


def allowed(name):
    """The actions of a policy."""
    statements = json.loads((POLICIES / name).read_text(encoding="utf-8"))["Statement"]
    actions = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in statements]
    return {action.split(":")[1] for group in actions for action in group}


def test_the_whole_policy_holds_what_is_called():
    assert allowed("aws-secrets-manager.json") == called() | WITH_CREATE


def test_the_policy_for_reading_is_a_part_of_it():
    reading = allowed("aws-secrets-manager-read-only.json")
    assert reading == {"GetSecretValue", "BatchGetSecretValue", "ListSecrets"}
