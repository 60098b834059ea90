#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known about a store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_info
short_description: Tell whether a store can be used, and what was asked of it
version_added: 0.1.0
description:
  - Tells a store's backend, what it is capable of, its health, and the metrics of the requests that were made to it.
  - A store that is down, or refuses the login, is told as unhealthy, and the task goes on. Only a store that is configured wrongly
    fails it.
  - No credential's name and no value is in the result.
options:
  metrics:
    description:
      - Tells how often each operation was asked of the backend, how it ended, how long it took and how often it was repeated.
      - The numbers are those of all processes where the store's configuration has a C(metrics_path). Else they are of this process
        alone; Ansible starts one for each task, so little more than the question for the health is in them.
    type: bool
    default: true
  prometheus:
    description:
      - Gives the same numbers as text for Prometheus, to be written where the textfile collector of its node_exporter looks, for example.
      - It needs the Python package C(prometheus-client).
    type: bool
    default: false
extends_documentation_fragment:
  - nebula.credential.store
seealso:
  - module: nebula.credential.credential_info
    description: Tells about credentials, and how they are used.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to ask for
  nebula.credential.credential:
    name: app/db_pass

- name: Ask how the store is
  nebula.credential.store_info:
  register: known

- name: Go on only if it can be used
  ansible.builtin.assert:
    that: known.health.status != 'unhealthy'
    fail_msg: "{{ known.health.reasons | join('; ') }}"

- name: Get the numbers of all tasks, for Prometheus
  nebula.credential.store_info:
    prometheus: true
    store:
      backend: local
      path: ~/.nebula/credentials
      metrics_path: ~/.nebula/metrics.json
  register: counted

- name: Hand them to node_exporter
  ansible.builtin.copy:
    content: "{{ counted.prometheus }}"
    dest: /tmp/nebula.prom
    mode: "0644"

- name: Wait until a server is there again
  nebula.credential.store_info:
  register: answered
  until: answered.health.status != 'unhealthy'
  retries: 30
  delay: 10
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: success
backend:
  description: Its backend.
  type: str
  returned: success
capabilities:
  description:
    - What the backend can do, as it is configured, for example whether it keeps C(versions), is reached over a network (C(remote)) or
      outlives the process (C(persistent)), and the most it takes (C(max_bytes), C(max_tags); nothing where it states no limit).
  type: dict
  returned: success
health:
  description: Whether the store can be used now.
  type: dict
  returned: success
  contains:
    status:
      description:
        - V(unhealthy) where it cannot be used now.
        - V(degraded) where it can, but the backend says that something is amiss, requests had to be repeated for more than one of ten
          operations, or the circuit breaker opened within the last 15 minutes.
      type: str
    reasons:
      description: Why it is not healthy, and what to do.
      type: list
      elements: str
    code:
      description: The code of the error that is the reason, for example V(unavailable) or V(login_failed), or nothing.
      type: str
    checked_in_ms:
      description: How long the answer took, in milliseconds; nothing where the store could not be opened.
      type: float
  sample:
    status: unhealthy
    reasons: ["store 'prod': the key file is missing. Put it back from its copy."]
    code: missing_key
    checked_in_ms: 0.4
    store: prod
metrics:
  description: What was asked of the backend.
  type: dict
  returned: with O(metrics), unless the store cannot be opened
  contains:
    since:
      description: When counting began.
      type: str
    operations:
      description: How often each operation ended with each result, V(ok) or the code of an error.
      type: dict
    errors:
      description: How many ended otherwise than with V(ok), V(not_found) or V(conflict), which are answers.
      type: int
    seconds:
      description:
        - How long each operation took, repeated requests included, as C(count), C(sum) and C(buckets), which counts by the upper bound
          what took longer than the bound before.
      type: dict
    retries:
      description: How often a request was repeated, by operation.
      type: dict
    breaker:
      description: The C(state) of the circuit breaker, when it C(changed_at) that, and how often it C(opened); nothing unless it ever did.
      type: dict
    cache:
      description: The C(hits) and C(misses) of a cache; nothing where there is none.
      type: dict
    recent:
      description: The C(operations) and C(retries) of the last 15 to 30 minutes.
      type: dict
    path:
      description: The file in which the numbers of all processes are added up; nothing where they are of this process alone.
      type: str
  sample:
    since: "2026-11-22T06:35:00Z"
    operations: {get: {ok: 7, not_found: 1}}
    errors: 0
    seconds: {get: {count: 8, sum: 0.0041, buckets: {"0.0005": 6, "0.001": 2}}}
    retries: {}
    breaker: null
    cache: null
    recent: {operations: 8, retries: 0}
    path: /home/me/.nebula/metrics.json
prometheus:
  description: The numbers as text for Prometheus.
  type: str
  returned: with O(prometheus), unless the store cannot be opened
code:
  description: What went wrong, in one stable word, for example V(invalid_configuration).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_info import STORE_INFO
from ansible_collections.nebula.credential.plugins.module_utils.operations.module_main import run_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_module("store_info", STORE_INFO)


if __name__ == "__main__":
    main()
