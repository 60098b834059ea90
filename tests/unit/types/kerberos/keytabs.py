# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keytabs as MIT krb5 documents their format."""

from __future__ import annotations

import struct

from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import keytab


def counted(text):
    return struct.pack(">H", len(text)) + text.encode()


def write_entry(principal, version, *, large=None, key=b"k" * 32):
    """An entry as MIT krb5 documents it. The version above 255 is in four bytes more."""
    name, _at, realm = principal.rpartition("@")
    parts = name.split("/")
    content = struct.pack(">H", len(parts)) + counted(realm) + b"".join(map(counted, parts))
    content += struct.pack(">IIBHH", 1, 0, version & 0xFF, 18, len(key)) + key
    return content if large is None else content + struct.pack(">I", large)


def write_keys(*entries):
    return keytab.HEADER + b"".join(struct.pack(">i", len(entry)) + entry for entry in entries)
