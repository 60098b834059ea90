#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refresh credentials now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_refresh
short_description: Refresh tokens now
version_added: 0.1.0
description:
  - Refreshes values that a service renews, such as the access tokens of the type C(oauth2). One credential, several, all that have
    expired, or all that will within a time.
  - Lookups refresh by themselves what is due. This module is for a value that is needed for longer than it lives, for refresh
    tokens that end if they are not used for a while, and for another attempt after the service refused the last one.
  - A refresh token whose response was lost is not sent again, because most services then end the whole login.
  - In check mode it sends nothing, and returns what it would refresh.
options:
  name:
    description: The credential to refresh, whether or not it is due.
    type: str
  names:
    description: The credentials to refresh, whether or not they are due.
    type: list
    elements: str
  expired:
    description: With V(true), refresh all that have expired, or have no token yet.
    type: bool
  expires_within:
    description: Refresh all that expire within this time from now, for example V(1d), or have expired already.
    type: str
  prefix:
    description: Of those, only credentials whose name begins with this text.
    type: str
  type:
    description: Of those, only credentials of this type.
    type: str
  tags:
    description: Of those, only credentials that have all of these tags, with these values; of a list, with any values.
    type: raw
  progress:
    description:
      - Whether the task shows every five seconds how far it is. By default it does if the run's standard error is a terminal.
    type: bool
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
    description: Stores what is refreshed.
  - module: nebula.credential.credential_rotate
    description: Replaces values that no service renews.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a key that issues tokens
  nebula.credential.credential:
    name: app/token
    type: jwt

- name: Begin a long deployment with a fresh token
  nebula.credential.credential_refresh:
    name: app/token

- name: Refresh everything that would expire during the night
  nebula.credential.credential_refresh:
    expires_within: 12h
  register: refreshed

- name: Show what was refreshed
  ansible.builtin.debug:
    msg: "{{ refreshed.names }}"
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
  returned: with O(name)
  sample: app/token
credential:
  description: The metadata of the refreshed credential, as M(nebula.credential.credential_info) returns it. No value of a field.
  type: dict
  returned: with O(name), on success
  sample: {name: app/token, type: jwt, state: active, expires_at: "2026-11-30T12:00:00Z"}
names:
  description: The names of the credentials that were refreshed, or would be.
  type: list
  elements: str
  returned: without O(name)
  sample: [app/token]
results:
  description: One result for each credential.
  type: list
  elements: dict
  returned: without O(name)
  contains:
    name:
      description: The name of the credential.
      type: str
    changed:
      description: Whether it was refreshed, or would be.
      type: bool
    credential:
      description: Its metadata, unless it failed.
      type: dict
    failed:
      description: V(true) if it failed.
      type: bool
    code:
      description: What went wrong, in one stable word.
      type: str
    msg:
      description: What went wrong, and what to do.
      type: str
  sample: [{name: app/token, changed: true, credential: {name: app/token, state: active}}]
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("credential_refresh")


if __name__ == "__main__":
    main()
