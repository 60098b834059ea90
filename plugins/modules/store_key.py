#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show, ensure or rotate the key of a store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_key
short_description: Show the key of a store, or rotate it
version_added: 0.1.0
description:
  - Returns the id of the key that encrypts a store and the key sources that open it, gives new key sources a slot, and rotates the key.
  - This module neither shows nor takes the key itself, key files or passphrases. Key sources are part of the store's
    configuration, as C(key_sources).
  - A store that is not encrypted by this collection has no key, and is refused.
options:
  state:
    description:
      - V(present) makes the key of a new store, gives a slot to each source in the store's C(key_sources) that has none, and removes
        the slots of those in the store's C(drop_sources).
      - V(rotated) puts every value, kept version and high-water mark under a new key, which every configured source opens. It
        changes the store each time. A rotation that was killed or stopped is resumed, not begun anew, and keeps the O(drop_sources) and
        O(keep_until) that it began with. Reads and writes continue meanwhile.
      - Only one rotation can run at a time. In a play over several hosts, write C(run_once).
    type: str
    choices: [present, rotated]
    default: present
  compromised:
    description:
      - Removes all former keys. Earlier backups outside the store cannot be read then. The copies in the backup folder of the store
        itself are moved to the new key.
      - Only with O(state=rotated). It also applies to a rotation that is resumed.
    type: bool
    default: false
  drop_sources:
    description:
      - Key sources that open the store now and must not open it afterwards, by kind (V(passphrase)), or as V(kind:label), for example
        V(passphrase:office), V(ansible_vault:prod), or V(passphrase:) for a passphrase without a label.
      - Every other source must be in C(key_sources) and open the store, or the rotation is refused.
      - A source that is still in C(key_sources) cannot be dropped. To change a passphrase, add the new one there under another C(label)
        and drop the old one.
      - Only with O(state=rotated).
    type: list
    elements: str
    default: []
  keep_until:
    description:
      - Until when the former key is kept for backups, wrapped by the new one (ISO 8601 with an offset). The first rotation after that
        time removes it. By default, it stays until a rotation with O(compromised=true).
      - Only with O(state=rotated).
    type: str
  progress:
    description:
      - Whether a rotation shows, every five seconds, how many credentials it has moved. It looks at all of them again until it finds
        nothing more to move, and counts each time. The lines go to the run's standard error.
      - By default they are shown if that is a terminal. They cannot be shown with O(run_on=target).
    type: bool
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential_rotate
    description: Rotates a credential, not the key of its store.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to encrypt
  nebula.credential.credential:
    name: app/db_pass

- name: See which key sources open the store
  nebula.credential.store_key:
  register: known

- name: Remind of the copy of the key file
  ansible.builtin.debug:
    msg: "Keep a copy of {{ known.key.default_key_file }} outside this machine."

- name: Rotate the key, and keep the former one for backups for 90 days
  nebula.credential.store_key:
    state: rotated
    keep_until: "{{ '%Y-%m-%dT%H:%M:%SZ' | ansible.builtin.strftime(now().timestamp() + 90 * 86400, utc=true) }}"

- name: Rotate the key after it was exposed
  nebula.credential.store_key:
    state: rotated
    compromised: true

# Further sources are part of the store's configuration:
#   nebula_credential_stores:
#     team:
#       backend: local
#       path: /srv/team
#       key_sources:
#         - {source: key_file}
#         - {source: passphrase, passphrase: "{{ vaulted_passphrase }}", label: office}
# After that, 'store: team' gives the passphrase its slot; to rotate without the former one, add 'drop_sources: ["passphrase:old"]'.
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
key:
  description: The key afterwards; in check mode what it would be, with null for an id that is not known in advance.
  type: dict
  returned: success
  contains:
    store_id:
      description: The id of the store. Its key file and its marks are named after it.
      type: str
    key_id:
      description: The id of the key that encrypts. It does not reveal the key.
      type: str
    created_at:
      description: When the key that encrypts was made, in ISO 8601 (UTC); null if an earlier release made it.
      type: str
    sources:
      description:
        - The key sources that open the store, with their C(name) as in O(drop_sources), C(source) (the kind), C(label) (of a key
          file, the id of the line that opens it) and C(configured), which is false if C(key_sources) does not have the source.
      type: list
      elements: dict
    former:
      description: Former keys, kept for backups, as C(key_id) and C(keep_until); a key without an end has null there.
      type: list
      elements: dict
    rotating:
      description: Whether a rotation has begun and is not finished. O(state=rotated) finishes it.
      type: bool
    default_key_file:
      description: The path of the key file that a key source without C(path) uses, whether the store has such a source or not.
      type: str
  sample:
    store_id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0
    key_id: 00112233445566778899aabbccddeeff
    created_at: "2026-11-29T12:00:00.000001Z"
    sources:
      - {name: "passphrase:office", source: passphrase, label: office, configured: true}
    former: []
    rotating: false
    default_key_file: /home/me/.config/nebula/keys/0f1e2d3c4b5a69788796a5b4c3d2e1f0.key
added:
  description: Names of the sources that got a slot, or would.
  type: list
  elements: str
  returned: with O(state=present)
removed:
  description: Names of the sources that lost their slot, or would.
  type: list
  elements: str
  returned: with O(state=present)
rotation:
  description:
    - What was done, or would be. C(resumed) says whether a rotation was resumed, C(envelopes) and C(marks) how many stored values and
      high-water marks were moved (marks are not counted in check mode), C(dropped) which sources do not open the store any more.
  type: dict
  returned: with O(state=rotated)
  sample: {resumed: false, envelopes: 7, marks: 5, dropped: []}
code:
  description: What went wrong, in one stable word, for example V(wrong_passphrase).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("store_key")


if __name__ == "__main__":
    main()
