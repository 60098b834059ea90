#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove what a store collects."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_purge
short_description: Remove old entries of a store's audit trail, and metrics of former stores
version_added: 0.1.0
description:
  - Removes old entries of the audit trail, and the numbers of stores that are not used any more from the file of the metrics.
  - Nothing is removed by itself. A task says for how long each is kept, and what it does not name stays.
  - It never removes what protects a credential. The records of deleted credentials stay, so that no old value that is put back
    is accepted.
  - In check mode it removes nothing, and returns what it would remove.
options:
  keep_audit:
    description:
      - For how long entries of the audit trail are kept, for example V(400d). A number without a unit is refused.
      - The trail is removed file by file, the oldest first. A file goes when all of its entries are older, and the file that is
        written to stays. A checkpoint next to the trail keeps the chain of the rest verifiable.
      - In a store whose backend is C(database), older rows of the table of the trail are removed too, those of other controllers
        included. The login needs the right to delete them.
    type: str
  keep_metrics:
    description:
      - For how long the numbers of other stores in the store's C(metrics_path) are kept after they were last added to, for example
        V(90d), with a unit. The numbers of this store stay.
    type: str
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.store_info
    description: Returns the metrics of a store.
  - module: nebula.credential.credential_info
    description: Returns how credentials are used, according to the trail.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a credential
  nebula.credential.credential:
    name: app/db_pass

- name: See what is older than 400 days
  nebula.credential.store_purge:
    keep_audit: 400d
  check_mode: true
  register: old

- name: Show it
  ansible.builtin.debug:
    msg: "{{ old.audit.files }} files with {{ old.audit.bytes }} bytes"

- name: Remove it, and the metrics of stores that were not used for 90 days
  nebula.credential.store_purge:
    keep_audit: 400d
    keep_metrics: 90d
    store:
      backend: local
      path: ~/.nebula/credentials
      metrics_path: ~/.nebula/metrics.json
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
audit:
  description: What was removed of the audit trail, or would be.
  type: dict
  returned: with O(keep_audit)
  contains:
    path:
      description: The file of the trail that is written to.
      type: str
    files:
      description: The number of files.
      type: int
    bytes:
      description: Their size in bytes.
      type: int
    last:
      description: The number of the last entry in them; null if there are none.
      type: int
    since:
      description: The time of the first entry that is left; null if none is.
      type: str
    rows:
      description: The number of rows of the table of the trail; null if the store has no such table.
      type: int
  sample:
    path: /home/me/.nebula/credentials/.nebula/audit.jsonl
    files: 2
    bytes: 134219776
    last: 410233
    since: "2025-10-26T00:00:12.120311Z"
    rows: null
metrics:
  description: What was removed from the file of the metrics, or would be.
  type: dict
  returned: with O(keep_metrics)
  contains:
    path:
      description: The file.
      type: str
    stores:
      description: The C(store) and C(backend) of the numbers.
      type: list
      elements: dict
  sample:
    path: /home/me/.nebula/metrics.json
    stores: [{store: staging, backend: vault}]
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("store_purge")


if __name__ == "__main__":
    main()
