#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describe a store: its health, its capabilities, its metrics."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_info
short_description: Show whether a store can be used, and the metrics of its requests
version_added: 0.1.0
description:
  - Returns a store's backend, its capabilities, its health, and the metrics of the requests that were made to it.
  - A store that is down, or refuses the login, is reported as unhealthy, and the task succeeds. Only a wrong configuration of the
    store fails it.
  - The result has no credential's name and no value.
options:
  metrics:
    description:
      - Returns how often each operation of the backend was called, how it ended, how long it took and how often it was repeated.
      - The numbers are of all processes if the store's configuration has a C(metrics_path). Else they are of this process
        alone. Ansible starts a process for each task, so they count little more than the check of the health.
    type: bool
    default: true
  prometheus:
    description:
      - Returns the same numbers as text for Prometheus, for example for the textfile collector of its node_exporter.
      - It needs the Python package C(prometheus-client).
    type: bool
    default: false
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential_info
    description: Describes credentials, and how they are used.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a credential
  nebula.credential.credential:
    name: app/db_pass

- name: Check the store
  nebula.credential.store_info:
  register: known

- name: Fail if it cannot be used
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

- name: Write them for node_exporter
  ansible.builtin.copy:
    content: "{{ counted.prometheus }}"
    dest: /tmp/nebula.prom
    mode: "0644"

- name: Wait until a server is available again
  nebula.credential.store_info:
  register: answered
  until: answered.health.status != 'unhealthy'
  retries: 30
  delay: 10
"""

RETURN = r"""
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
  sample: /srv/project/nebula.yml
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
      outlives the process (C(persistent)), and its limits (C(max_bytes), C(max_tags); null if it states no limit).
  type: dict
  returned: success
health:
  description: Whether the store can be used now.
  type: dict
  returned: success
  contains:
    status:
      description:
        - V(unhealthy) if it cannot be used now.
        - V(degraded) if it can, but the backend reports a problem, requests were repeated for more than one of ten
          operations, or the circuit breaker opened within the last 15 minutes.
      type: str
    reasons:
      description: Why it is not healthy, and what to do.
      type: list
      elements: str
    code:
      description: The code of the error that is the reason, for example V(unavailable) or V(login_failed), or null.
      type: str
    checked_in_ms:
      description: How long the check took, in milliseconds; null if the store could not be opened.
      type: float
  sample:
    status: unhealthy
    reasons: ["store 'prod': the key file is missing. Put it back from its copy."]
    code: missing_key
    checked_in_ms: 0.4
    store: prod
security:
  description: What the configuration of the store loosens (docs/advanced/hardening.md).
  type: dict
  returned: unless the store cannot be opened
  contains:
    mode:
      description: The option C(security) of the store, V(standard) or V(strict).
      type: str
    holds:
      description:
        - Whether each rule of a strict store holds, in either mode, by its name.
        - C(strict_audit), C(no_plaintext), C(encrypted_transport), C(verified_servers), C(no_offline_copy), C(hidden_messages),
          C(own_code) and C(encrypted_at_rest).
      type: dict
    loosened_by:
      description: The options because of which a rule does not hold.
      type: list
      elements: str
  sample:
    mode: standard
    holds: {strict_audit: false, no_plaintext: true, encrypted_transport: true, verified_servers: true, no_offline_copy: true}
    loosened_by: [audit]
metrics:
  description: The metrics of the backend's operations.
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
      description: How many ended with a result other than V(ok), V(not_found) or V(conflict), which are normal responses.
      type: int
    seconds:
      description:
        - How long each operation took, repeated requests included, as C(count), C(sum) and C(buckets). Each bucket, named by its upper
          bound, counts what took longer than the bound before.
      type: dict
    retries:
      description: How often a request was repeated, by operation.
      type: dict
    breaker:
      description: The C(state) of the circuit breaker, when it last changed (C(changed_at)) and how often it C(opened); null if never.
      type: dict
    cache:
      description: The C(hits) and C(misses) of the cache; null if there is none.
      type: dict
    recent:
      description: The C(operations) and C(retries) of the last 15 to 30 minutes.
      type: dict
    path:
      description: The file in which the numbers of all processes are added up; null if they are of this process alone.
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

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("store_info")


if __name__ == "__main__":
    main()
