# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_flow` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

START, COMPLETE, WAIT = "start", "complete", "wait"
CALLBACK = ("callback_url", "code", "state", "saml_response")

CREDENTIAL_FLOW = Specification(
    argument_spec=dict(
        store_options(),
        name={"type": "str", "required": True},
        phase={"type": "str", "choices": [START, COMPLETE, WAIT], "required": True},
        callback_url={"type": "str", "no_log": True},
        code={"type": "str", "no_log": True},
        state={"type": "str", "no_log": True},
        saml_response={"type": "str", "no_log": True},
        valid_for={"type": "str"},
        timeout={"type": "str"},
    ),
    mutually_exclusive=[("callback_url", "code", "saml_response"), ("callback_url", "state")],
    required_together=[("code", "state")],
)
