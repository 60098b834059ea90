#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Request any path of Vault or OpenBao by the login of a store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_request
short_description: Request any path of Vault or OpenBao by the login of a store
version_added: 0.1.0
description:
  - Reads, lists, writes or deletes any path of the server of a store, wraps and unwraps, by the login that the run's session has
    already, with its repeats, its time limits and its audit trail.
  - Credentials of the store itself are read with P(nebula.credential.get#lookup) and written with M(nebula.credential.credential). A path
    that leads to one is refused, because a request would not check its scope.
  - Leases and tokens that a request gets end with the run. They end with the token of the store's login; with a configured token the
    session revokes them (unless C(revoke_on_close) is false).
options:
  path:
    description: The path, without C(v1/) at its beginning.
    type: str
  request:
    description:
      - What is done. V(wrap) stores O(data) under a wrapping token, and V(unwrap) returns what O(token) wraps.
      - Defaults to V(read).
    type: str
    choices: [read, list, write, delete, wrap, unwrap]
  data:
    description: What is written, or wrapped.
    type: dict
  query:
    description: Parameters in the address, for example V(version) of a secret. Nothing secret belongs there.
    type: dict
  wrap_ttl:
    description:
      - The server keeps the response for this time, for example V(5m), and returns a token with which it can be read once.
      - Of V(request=wrap) the default is five minutes.
    type: str
  token:
    description: The wrapping token to unwrap.
    type: str
  cache:
    description:
      - For how long the run's session may use the response for the same O(request=read) or O(request=list) again, for example V(5m). By
        default each task makes a request.
      - A response with a lease, or one that says when it ends, is never used past its end.
    type: str
  compare:
    description:
      - Reads the path first. O(request=write) sends nothing if each part of O(data) is there already, and O(request=delete) sends nothing
        if nothing is there.
      - It fits paths that return what was written to them.
    type: bool
    default: false
  sensitive:
    description:
      - Whether the response holds a secret. Then the output does not show the result, as with C(no_log), and later tasks can use it.
      - By default everything counts as secret but lists, deletions, signed keys and certificates, and what C(transit) returns
        except for V(decrypt). A wrapping token is always one.
    type: bool
  ssh_sign:
    description: Has a public key of SSH signed. The certificate is in C(data.signed_key).
    type: dict
    suboptions:
      mount:
        description: Where the engine is mounted.
        type: str
        default: ssh
      role:
        description: The role.
        type: str
        required: true
      public_key:
        description: The public key.
        type: str
        required: true
      principals:
        description: The users or hosts that the certificate is for.
        type: list
        elements: str
      ttl:
        description: For how long it is valid.
        type: str
      cert_type:
        description: Whom it is for.
        type: str
        choices: [user, host]
        default: user
      key_id:
        description: Its id, which a server logs.
        type: str
      extensions:
        description: Its extensions.
        type: dict
      critical_options:
        description: Its critical options.
        type: dict
  pki_sign:
    description: Has a certificate request (CSR) signed. The certificate is in C(data.certificate).
    type: dict
    suboptions:
      mount:
        description: Where the engine is mounted.
        type: str
        default: pki
      role:
        description: The role.
        type: str
        required: true
      csr:
        description: The request, as PEM.
        type: str
        required: true
      common_name:
        description: The common name, if the role does not take that of the request.
        type: str
      alt_names:
        description: Further names.
        type: list
        elements: str
      ip_sans:
        description: Addresses.
        type: list
        elements: str
      ttl:
        description: For how long it is valid.
        type: str
  transit:
    description: Uses a key that does not leave the server.
    type: dict
    suboptions:
      mount:
        description: Where the engine is mounted.
        type: str
        default: transit
      action:
        description: What is done.
        type: str
        required: true
        choices: [encrypt, decrypt, rewrap, sign, verify, hmac]
      key:
        description: The name of the key.
        type: str
        required: true
      text:
        description: The text to encrypt, sign, verify or hash.
        type: str
      binary:
        description: The same in base64, for what is no text.
        type: str
      ciphertext:
        description: What V(decrypt) and V(rewrap) take, as V(encrypt) has returned it.
        type: str
      signature:
        description: What V(verify) checks, as V(sign) has returned it.
        type: str
  token_create:
    description: Makes a token. It is in C(auth.client_token), and ends with the run unless it is an orphan.
    type: dict
    suboptions:
      role:
        description: A role of the server's tokens.
        type: str
      policies:
        description: Its policies. Defaults to those of the login.
        type: list
        elements: str
      ttl:
        description: For how long it is valid, unless it is renewed.
        type: str
      explicit_max_ttl:
        description: For how long it is valid at most.
        type: str
      period:
        description: The time for which each renewal prolongs it.
        type: str
      num_uses:
        description: How often it can be used.
        type: int
      renewable:
        description: Whether it can be renewed.
        type: bool
      orphan:
        description: Whether it outlives the token of the login.
        type: bool
        default: false
      display_name:
        description: Its name in the server's audit log.
        type: str
      metadata:
        description: What the server's audit log says of it.
        type: dict
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
attributes:
  check_mode:
    details:
      - Reads and lists are sent, also those of O(compare), and what only uses a key of C(transit). Nothing is written, deleted, signed,
        wrapped or unwrapped, and no token is made.
  diff_mode:
    support: none
    description: There is no diff.
seealso:
  - plugin: nebula.credential.vault
    plugin_type: lookup
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a credential
  nebula.credential.credential:
    name: app/db_pass

- name: See which engines are mounted
  nebula.credential.vault_request:
    path: sys/mounts
    sensitive: false
    store:
      backend: vault
      url: https://vault.example.com:8200
  register: mounted

- name: Mount one that signs keys of SSH, and one that encrypts
  nebula.credential.vault_request:
    path: sys/mounts/{{ item }}
    request: write
    data:
      type: "{{ item }}"
    store:
      backend: vault
      url: https://vault.example.com:8200
  loop: [ssh, transit]
  when: item ~ '/' not in mounted.data

- name: Write a role, if it is not there as it should be
  nebula.credential.vault_request:
    path: ssh/roles/operators
    request: write
    compare: true
    data:
      key_type: ca
      allow_user_certificates: true
      allowed_users: deploy
    store:
      backend: vault
      url: https://vault.example.com:8200

- name: Encrypt its value with a key that does not leave the server
  nebula.credential.vault_request:
    transit:
      action: encrypt
      key: orders
      text: "{{ lookup('nebula.credential.get', 'app/db_pass') }}"
    store:
      backend: vault
      url: https://vault.example.com:8200
  register: encrypted

- name: Decrypt it
  nebula.credential.vault_request:
    transit:
      action: decrypt
      key: orders
      ciphertext: "{{ encrypted.data.ciphertext }}"
    store:
      backend: vault
      url: https://vault.example.com:8200
  register: decrypted

- name: Hand something over that can be read once
  nebula.credential.vault_request:
    request: wrap
    data:
      note: "{{ decrypted.text }}"
    wrap_ttl: 10m
    store:
      backend: vault
      url: https://vault.example.com:8200
  register: wrapped

- name: Read it
  nebula.credential.vault_request:
    request: unwrap
    token: "{{ wrapped.wrap_info.token }}"
    store:
      backend: vault
      url: https://vault.example.com:8200
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
path:
  description: The path of the request.
  type: str
  returned: success
  sample: ssh/sign/operators
sent:
  description: Whether the request was sent. In check mode, and with O(compare), it may not be.
  type: bool
  returned: success
sensitive:
  description: Whether the response holds a secret, so that the output does not show this result.
  type: bool
  returned: success
data:
  description: The part of this name of the response; of a list its C(keys).
  type: dict
  returned: success
auth:
  description: The same for a token, which is in C(client_token).
  type: dict
  returned: success
wrap_info:
  description: The same for a response that is wrapped; its C(token) unwraps it.
  type: dict
  returned: success
lease_id:
  description: The lease of the response, if it has one.
  type: str
  returned: success
lease_duration:
  description: For how many seconds the lease was granted.
  type: int
  returned: success
renewable:
  description: Whether the lease can be renewed.
  type: bool
  returned: success
text:
  description: What was decrypted, if it is text. C(data.plaintext) has it in base64.
  type: str
  returned: with O(transit)
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin uses the run's session."""
    run_sent_module("vault_request")


if __name__ == "__main__":
    main()
