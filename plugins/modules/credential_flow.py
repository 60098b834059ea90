#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log a person in at a service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_flow
short_description: Log a person in at a service, and store the tokens
version_added: 0.1.0
description:
  - Takes the steps of a login by a person. For credentials of the type C(oauth2) either in a browser (authorization code with PKCE,
    always S256), or with a code on another device; for those of the type C(saml) in a browser.
  - It opens nothing by itself. It returns the address and the code, which a person uses.
  - A login that was started is kept in the store with the credential, so that any controller can complete it. It expires, and another
    one that is started takes its place. The value that is stored stays usable until the login is complete.
  - What came back from the login must be that login's own. Anything else is refused, and the login stays open.
  - In check mode it sends nothing and writes nothing.
options:
  name:
    description:
      - The credential. It exists already, and is of the type C(saml), or of the type C(oauth2) with V(authorization_code) or
        V(device_code) in its field C(grant).
    type: str
    required: true
  phase:
    description:
      - V(start) starts a login, and returns what a person needs.
      - V(complete) completes a login in a browser, with the address at which it arrived, or with the response of SAML.
      - V(wait) waits until a person has confirmed a login on another device. On a host (O(run_on=target)) it makes one request and
        returns RV(pending).
    type: str
    required: true
    choices: [start, complete, wait]
  callback_url:
    description: For V(complete), the whole address at which the browser arrived after the login. It begins with C(redirect_uri).
    type: str
  code:
    description: For V(complete), the parameter C(code) of that address, instead of the whole.
    type: str
  state:
    description: Its parameter C(state), with O(code).
    type: str
  saml_response:
    description:
      - For V(complete) of the type C(saml), the field C(SAMLResponse) of the form with which the browser arrived at C(acs_url).
    type: str
  valid_for:
    description:
      - For V(start), how long a login in a browser can be completed, by default V(15m). For a device the service decides.
    type: str
  timeout:
    description: For V(wait), how long to wait, by default V(10m). The login stays open after that until it expires.
    type: str
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
    description: Stores the client for which a person logs in.
  - module: nebula.credential.credential_refresh
    description: Refreshes the tokens of the login.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure the client is stored
  nebula.credential.credential:
    name: git_api
    type: oauth2
    fields:
      issuer: https://auth.example.com
      client_id: tv
      grant: device_code
      scope: openid offline_access api:read

- name: Start a login
  nebula.credential.credential_flow:
    name: git_api
    phase: start
  register: login

- name: Show what to do
  ansible.builtin.debug:
    msg: "Open {{ login.verification_uri }} and enter {{ login.user_code }}"

- name: Wait for it
  nebula.credential.credential_flow:
    name: git_api
    phase: wait
    timeout: 5m
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: always, if the store is known
  sample: prod
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
  sample: /srv/project/nebula.yml
name:
  description: The name of the credential.
  type: str
  returned: on success
  sample: git_api
phase:
  description: The phase.
  type: str
  returned: on success
  sample: start
pending:
  description: Whether a person has to act before the login is complete.
  type: bool
  returned: on success
  sample: true
flow:
  description: The kind of the login, V(authorization_code), V(device_code) or V(saml).
  type: str
  returned: after O(phase=start), not in check mode
  sample: device_code
authorization_url:
  description: The address at which the person logs in with a browser.
  type: str
  returned: after O(phase=start) of a login in a browser
  sample: https://auth.example.com/authorize?client_id=app
login_page:
  description: A page in HTML with a form that sends the request to RV(authorization_url), to be opened in a browser.
  type: str
  returned: after O(phase=start) of the type C(saml), if its field C(binding) is V(post)
  sample: <!DOCTYPE html>…
verification_uri:
  description: The address at which the person enters the code.
  type: str
  returned: after O(phase=start) of a login on another device
  sample: https://auth.example.com/device
verification_uri_complete:
  description: The same address with the code in it.
  type: str
  returned: after O(phase=start) of a login on another device, if the service has it
  sample: https://auth.example.com/device?user_code=WDJB-MJHT
user_code:
  description: The code that the person enters.
  type: str
  returned: after O(phase=start) of a login on another device
  sample: WDJB-MJHT
interval:
  description: The seconds between two requests of phase V(wait).
  type: int
  returned: for a login on another device
  sample: 5
slow_down:
  description: Whether the service wants more time between two requests.
  type: bool
  returned: after O(phase=wait)
  sample: false
expires_at:
  description: When the login expires.
  type: str
  returned: after O(phase=start), not in check mode
  sample: "2026-11-30T12:15:00Z"
credential:
  description: The metadata of the credential, as M(nebula.credential.credential_info) returns it; null if the login is not complete.
  type: dict
  returned: on success
  sample: {name: git_api, type: oauth2, state: active}
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("credential_flow")


if __name__ == "__main__":
    main()
