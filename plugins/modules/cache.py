#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the run's session keeps."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache
short_description: Tell what the run's session keeps of a store, or clear it
version_added: 0.1.0
description:
  - A run keeps what it has read of a store in its session, so that each credential is fetched once, however many hosts, tasks and
    forks ask for it. This module tells how often that helped, and clears it.
  - What this run itself writes, rotates or revokes is dropped by itself. Clear what somebody else has just changed.
  - Without a session nothing is kept. Then RV(session) is V(false), and nothing changes.
  - No credential's name and no value is in the result.
options:
  state:
    description:
      - V(cleared) drops what is kept, so that the next one to ask is given what is in the store then.
      - Unless given, the module only tells.
    type: str
    choices: [cleared]
  name:
    description: The one credential to drop, with all of its versions. Needs O(state).
    type: str
  all_stores:
    description: Means every store that this run's session holds, in place of O(store).
    type: bool
    default: false
extends_documentation_fragment:
  - nebula.credential.store
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to ask for
  nebula.credential.credential:
    name: app/db_pass

- name: Drop one credential that somebody else has just changed
  nebula.credential.cache:
    name: app/db_pass
    state: cleared

- name: Drop all that was read, of every store
  nebula.credential.cache:
    state: cleared
    all_stores: true

- name: Ask what the session has saved
  nebula.credential.cache:
    all_stores: true
  register: kept

- name: Tell
  ansible.builtin.debug:
    msg: "{{ kept.statistics.requests_saved }} requests saved, {{ kept.statistics.entries }} values kept"
  when: kept.session
"""

RETURN = r"""
session:
  description: Whether the run has a session. Without one nothing is kept.
  type: bool
  returned: success
dropped:
  description: How many values were dropped; in check mode, how many would be.
  type: int
  returned: success
  sample: 3
statistics:
  description: What became of the reads of values since the session was first asked for the store; nothing where there is no session.
  type: dict
  returned: success
  contains:
    stores:
      description: How many stores these are the numbers of; 0 where the session does not hold the one that is meant.
      type: int
    hits:
      description: Reads that were answered from what is kept.
      type: int
    misses:
      description: Reads for which the store had to be asked.
      type: int
    hit_rate:
      description: The share of the hits, between 0 and 1; nothing before the first read.
      type: float
    shared:
      description: Misses that waited for a request that was under way for somebody else.
      type: int
    batched:
      description: Misses that went along in somebody else's request.
      type: int
    requests_saved:
      description: How many reads cost no request of their own. The sum of C(hits), C(shared) and C(batched).
      type: int
    stale:
      description: Reads that were answered beyond the time of the value, because the store did not answer (C(serve_stale)).
      type: int
    entries:
      description: How many values are kept now.
      type: int
    bytes:
      description: How long those are together.
      type: int
    oldest:
      description: How many seconds ago the oldest of them was asked for at the store; nothing where none is kept.
      type: float
  sample:
    stores: 1
    hits: 99
    misses: 1
    hit_rate: 0.99
    shared: 0
    batched: 0
    requests_saved: 99
    stale: 0
    entries: 1
    bytes: 24
    oldest: 3.4
code:
  description: What went wrong, in one stable word, for example V(invalid_configuration).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.cache import CACHE
from ansible_collections.nebula.credential.plugins.module_utils.operations.module_main import run_module


def main() -> None:
    """Run on a host, which has no session; on the controller the action plugin asks the run's."""
    run_module("cache", CACHE)


if __name__ == "__main__":
    main()
