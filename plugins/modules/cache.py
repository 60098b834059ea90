#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report or clear the cache of the run's session."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache
short_description: Show or clear what the run's session keeps of a store
version_added: 0.1.0
description:
  - A run keeps what it has read from a store in its session, so that each credential is fetched once, however many hosts, tasks and
    forks read it. This module reports how many requests that has saved, and clears what is kept.
  - What this run itself writes, rotates or revokes is dropped automatically. Clear what others have just changed.
  - Without a session nothing is kept. Then RV(session) is V(false), and nothing changes but a shared cache.
  - If the store has a C(shared_cache), V(cleared) clears that for all controllers, whether or not this run has read the store, and fails
    if it was not cleared.
  - The result has no credential's name and no value.
options:
  state:
    description:
      - V(cleared) drops what is kept, so that the next read returns what is in the store then.
      - By default, the module only reports.
    type: str
    choices: [cleared]
  name:
    description: The credential to drop, with all of its versions. Needs O(state).
    type: str
  all_stores:
    description: Reports or clears every store that this run's session holds, instead of O(store).
    type: bool
    default: false
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a credential
  nebula.credential.credential:
    name: app/db_pass

- name: Drop one credential that another tool has just changed
  nebula.credential.cache:
    name: app/db_pass
    state: cleared

- name: Drop all that was read, of every store
  nebula.credential.cache:
    state: cleared
    all_stores: true

- name: Get the number of requests that the session has saved
  nebula.credential.cache:
    all_stores: true
  register: kept

- name: Show it
  ansible.builtin.debug:
    msg: "{{ kept.statistics.requests_saved }} requests saved, {{ kept.statistics.entries }} values kept"
  when: kept.session
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
session:
  description: Whether the run has a session. Without one nothing is kept.
  type: bool
  returned: success
dropped:
  description: How many values were dropped; in check mode, how many would be.
  type: int
  returned: success
  sample: 3
dropped_shared:
  description: How many credentials were dropped from the shared cache; in check mode, how many would be. Null if there is none.
  type: int
  returned: success
statistics:
  description: Counts of the reads of values since the session first used the store; null if there is no session.
  type: dict
  returned: success
  contains:
    stores:
      description: How many stores are counted; 0 if the session does not hold the given store.
      type: int
    hits:
      description: Reads that were returned from the cache.
      type: int
    misses:
      description: Reads that needed the store.
      type: int
    hit_rate:
      description: The share of the hits, between 0 and 1; null before the first read.
      type: float
    shared:
      description: Misses that waited for the request of another read in progress.
      type: int
    batched:
      description: Misses that were combined into the request of another read.
      type: int
    requests_saved:
      description: How many reads needed no request of their own. The sum of C(hits), C(shared), C(batched) and the hits of C(shared_cache).
      type: int
    stale:
      description: Reads that returned a value beyond its TTL, because the store did not respond (C(serve_stale)).
      type: int
    entries:
      description: How many values are kept now.
      type: int
    bytes:
      description: The size of those values together.
      type: int
    oldest:
      description: How many seconds ago the oldest of them was requested from the store; null if none is kept.
      type: float
    shared_cache:
      description: The C(hits) and C(misses) of this session's reads in the shared cache; null if there is none.
      type: dict
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
    shared_cache: null
code:
  description: What went wrong, in one stable word, for example V(invalid_configuration).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host, which has no session; on the controller the action plugin uses the run's session."""
    run_sent_module("cache")


if __name__ == "__main__":
    main()
