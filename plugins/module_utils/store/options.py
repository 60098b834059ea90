# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every store, whatever its backend."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import BATCHED, MODES
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTION as FALLBACK_COPY
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTIONS as FALLBACK_COPY_OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import PARALLEL
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import OPTIONS as RESILIENCE
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION as SHARED_CACHE
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTIONS as SHARED_CACHE_OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import OPTIONS as METRICS
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT
from ansible_collections.nebula.credential.plugins.module_utils.types import registry

SECURITY, STANDARD, STRICT = "security", "standard", "strict"
"""The option that refuses what loosens something, and its choices."""
COMMON_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "backend": {"description": "One of the backends below.", "type": "str", "required": True},
    "tenant": {"description": "The tenant of the store. It is bound to every record.", "type": "str", "default": DEFAULT_TENANT},
    "encrypt": {
        "description": "Whether the collection encrypts values. Without it: yes, unless the backend keeps fields for its own users.",
        "type": "bool",
    },
    "allow_plaintext": {"description": "Must be true to keep plain what the collection would encrypt.", "type": "bool", "default": False},
    # Not no_log: ansible-core 2.22 would mask the word "passphrase" in the whole run. The edge masks what is secret in it.
    "key_sources": {
        "description": "What opens the store's master key; any one of them is enough. Without it: `[{source: key_file}]`.",
        "type": "list",
        "elements": "dict",
        "no_log": False,
    },
    "drop_sources": {"description": "Sources whose slots are removed.", "type": "list", "elements": "str", "default": []},
    "audit": {"description": "How the audit trail is written.", "type": "str", "default": BATCHED, "choices": list(MODES)},
    "audit_path": {
        "description": "The file of the trail. Without it: in the store's directory, else `~/.nebula/audit/<store>.jsonl`.",
        "type": "path",
    },
    SHARED_CACHE: {
        "description": "Shares values that were read with other controllers, encrypted, on a Redis or Valkey server.",
        "type": "dict",
        "options": SHARED_CACHE_OPTIONS,
    },
    FALLBACK_COPY: {
        "description": "Keeps an encrypted copy of what was read, which answers while the backend does not respond.",
        "type": "dict",
        "options": FALLBACK_COPY_OPTIONS,
    },
    # `locks` has the parts of a lock: a store without one does not load them.
    "lock": {"description": "Serialises the writers of a backend that cannot compare and swap.", "type": "dict"},
    "single_writer": {"description": "Instead of `lock`: only this user on this machine writes.", "type": "bool", "default": False},
    "read_only": {"description": "Refuses every write to this store before anything is sent.", "type": "bool", "default": False},
    SECURITY: {
        "description": "With `strict`, every option that loosens something is refused (docs/advanced/hardening.md).",
        "type": "str",
        "default": STANDARD,
        "choices": [STANDARD, STRICT],
    },
    "mirror": {
        "description": "Stores that hold copies of the credentials of this one, which the modules write (docs/how-to/mirror.md).",
        "type": "list",
        "elements": "raw",
    },
    "rules": {"description": "What each write to this store is held to.", "type": "dict"},
    **registry.OPTIONS,
    PARALLEL: {
        "description": "How many operations of a batch are in flight at once. Without it: 8, or fewer if the backend does fewer.",
        "type": "int",
    },
    **RESILIENCE,
    **METRICS,
}
"""The options of every store, as an argument spec."""
