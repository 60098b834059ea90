#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describe credentials."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_info
short_description: Describe credentials
version_added: 0.1.0
description:
  - Describes credentials of a store, chosen by name or by their metadata. It returns no secret and no value of any field.
options:
  name:
    description: The credential to describe. If it does not exist, it is listed in RV(missing), and the task succeeds.
    type: str
  names:
    description: The credentials to describe.
    type: list
    elements: str
  prefix:
    description:
      - Only credentials whose name begins with this text; an empty one means every name.
      - No filter can be used with O(name) and O(names).
    type: str
  type:
    description: Only credentials of this type.
    type: str
  tags:
    description: Only credentials that have all of these tags, with these values; of a list, with any values.
    type: raw
  lifecycle:
    description: Only credentials in one of these lifecycle states. A credential past its expiry is V(expired).
    type: list
    elements: str
    choices:
      - uninitialized
      - pending_interaction
      - authenticating
      - active
      - expired
      - refreshing
      - rotation_scheduled
      - rotating
      - grace_period
      - revoked
      - failed
  created_after:
    description: Only credentials created at or after this time (ISO 8601 with an offset).
    type: str
  created_before:
    description: Only credentials created before this time (ISO 8601 with an offset).
    type: str
  expires_before:
    description: Only credentials that expire before this time (ISO 8601 with an offset).
    type: str
  expires_within:
    description: Only credentials that expire within this time from now, for example V(30d) or V(12h), or have expired already.
    type: str
  due:
    description:
      - With V(true), only credentials whose policy says that they are to be rotated now; with V(false), only the others.
      - The time counts from the last rotation of the value, or from its creation. A change of tags, scope or policy does not move it.
    type: bool
  due_within:
    description: Only credentials that are to be rotated within this time from now, for example V(14d), or are due already.
    type: str
  query:
    description:
      - A JMESPath expression that is applied to the list of descriptions. It needs the Python package C(jmespath).
    type: str
  limit:
    description:
      - The greatest number of credentials to describe, in the order of their names; at least 1. Without it, all that match are described.
      - The limit applies before O(query). It cannot be used with O(name) and O(names).
    type: int
  versions:
    description: Also lists the versions that can be read.
    type: bool
    default: false
  usage:
    description:
      - Also returns how often each credential was used, when last and by whom, and how often it was refreshed, according to the store's
        audit trail. Reads by this collection's own modules are not counted.
      - The whole trail is read, and not verified. Reads that are not in it (from another controller with a trail of its own) are
        not counted.
    type: bool
    default: false
  deployed:
    description:
      - Also lists the files of hosts that hold each credential, by version, as M(nebula.credential.deploy) has recorded them.
      - Files that were written in another way are not known.
    type: bool
    default: false
  health:
    description: Also returns whether the store can be used. M(nebula.credential.store_info) returns more.
    type: bool
    default: false
  progress:
    description:
      - Whether to show, every five seconds, how many credentials are done. The lines go to the run's standard error.
      - By default they are shown if that is a terminal. They cannot be shown with O(run_on=target).
    type: bool
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - plugin: nebula.credential.find
    plugin_type: lookup
  - module: nebula.credential.credential
  - module: nebula.credential.store_info
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to describe
  nebula.credential.credential:
    name: app/db_pass
    ttl: 90d

- name: Describe it, with its versions
  nebula.credential.credential_info:
    name: app/db_pass
    versions: true
  register: found

- name: Fail unless it exists and is usable
  ansible.builtin.assert:
    that: found.credentials | length == 1 and found.credentials[0].usable

- name: List the names of what expires within a hundred days
  nebula.credential.credential_info:
    expires_within: 100d
    query: "[].name"

- name: List what is to be rotated now
  nebula.credential.credential_info:
    due: true
    query: "[].name"

- name: Describe the first twenty, and say how many there are
  nebula.credential.credential_info:
    limit: 20
  register: first

- name: Fail if there are more
  ansible.builtin.assert:
    that: not first.truncated and first.total <= 20

- name: See when it was used last, and by whom
  nebula.credential.credential_info:
    name: app/db_pass
    usage: true

- name: See which files of hosts hold it
  nebula.credential.credential_info:
    name: app/db_pass
    deployed: true

- name: Check whether the store can be used
  nebula.credential.credential_info:
    names: []
    health: true
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
credentials:
  description:
    - A description of each credential, in the order of their names, or the result of the expression in O(query).
    - In a listing, a credential that cannot be read has only C(name), C(stage) and C(unreadable) with C(code) and C(message) of the
      reason, and a warning names it. C(unreadable) is null for every other one.
    - C(created_at) is that of the credential, C(version_created_at) that of its current version, C(rotated_at) the time when the value
      was last replaced. C(due_at), C(warning_from) and C(overdue) come from its policy; without one that names a time they are null and
      V(false).
    - C(location) says where the value is, in the words of the backend's users; see the return value of the same name of
      M(nebula.credential.credential).
    - C(state) is V(expired) if the expiry has passed. C(requires_interaction) says that a person has to act before it gets a new value,
      C(is_terminal) that it is revoked or failed.
    - With O(deployed), C(deployed) has a list of files by version. C(rewritable) says whether a rotation can write the file anew.
  type: raw
  returned: success
  sample:
    - name: app/db_pass
      type: opaque
      version: "1"
      state: active
      expired: false
      usable: true
      requires_interaction: false
      is_terminal: false
      created_at: "2026-11-22T06:35:00.123456Z"
      version_created_at: "2026-11-22T06:35:00.123456Z"
      rotated_at: null
      updated_at: "2026-11-22T06:35:00.123456Z"
      expires_at: null
      due_at: "2027-02-20T06:35:00.123456Z"
      warning_from: "2027-02-13T06:35:00.123456Z"
      overdue: false
      location: {url: "https://vault.example.com:8200", path: secret/nebula/app/db_pass}
      usage:
        uses: 12
        last_used: {at: "2026-11-22T07:01:00.000001Z", operation: get, version: "1", stage: current, uid: 0, host: web1, run: "30118"}
        refreshes: 0
        last_refreshed_at: null
      deployed: {"1": [{host: web1, dest: /etc/app.env, rewritable: true}]}
total:
  description: The number of credentials that match the filters.
  type: int
  returned: with O(limit)
truncated:
  description: Whether more credentials match than O(limit), so that some are not described.
  type: bool
  returned: with O(limit)
missing:
  description: Names in O(name) and O(names) that do not exist.
  type: list
  elements: str
  returned: success
failures:
  description: By name, why a requested credential cannot be described, as C(code) and C(message).
  type: dict
  returned: success
usage:
  description:
    - The source of the C(usage) of each credential. The C(path) of the audit trail, the time of its first entry (C(since)), and whether it
      is C(complete). It is not if it begins later than with the first entry, or entries could not be written.
    - If C(reason) says why nothing is known, the C(usage) of each credential is null. Otherwise it is as in the sample.
  type: dict
  returned: with O(usage)
  sample:
    path: /home/me/.nebula/credentials/.nebula/audit.jsonl
    since: "2026-11-22T06:35:00.123456Z"
    complete: true
    reason: null
health:
  description:
    - The name of the C(store), its C(status) (V(healthy), V(degraded) or V(unhealthy)), the C(reasons), the C(code) of the error that
      is the reason, and C(checked_in_ms).
  type: dict
  returned: with O(health)
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("credential_info")


if __name__ == "__main__":
    main()
