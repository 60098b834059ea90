# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep secrets out of what Ansible prints (J10).

ansible-core 2.22 masks registered texts in everything it shows, but not their derived forms, and has no minimum length:
this module adds both. Older cores mask nothing; there, secrets are kept out of results instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import Any

from ansible import module_utils

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import SHORTEST, Secret, derive_forms

if PathFinder.find_spec("ansible.module_utils.secrets", module_utils.__path__):
    from ansible.module_utils.secrets import register_secrets
else:
    # No import is tried: if the module does not exist, ansible-core's finder reads all of its redirections first, which takes 50 ms.
    register_secrets = None


def register(secrets: Iterable[Secret]) -> None:
    """Register the secrets and their derived forms with ansible-core's masking, if it has one."""
    if register_secrets is not None:
        register_secrets(forms(secrets))


def forms(secrets: Iterable[Secret]) -> list[str]:
    """Return the texts to mask for these secrets; none if ansible-core masks nothing."""
    if register_secrets is None:
        return []
    found = {form for secret in secrets if len(secret) >= SHORTEST for form in derive_forms(secret.expose())}
    return sorted(form for form in found if len(form) >= SHORTEST)


def without(content: Any, secrets: Iterable[Secret]) -> Any:
    """Return `content` (JSON-like) with every secret in it replaced, as a module does with `no_log_values`.

    If ansible-core masks by itself (2.22, which deprecates the function used here), `content` is returned unchanged.
    """
    if register_secrets is not None:
        return content
    from ansible.module_utils.common.parameters import remove_values

    texts = {secret.expose().decode("utf-8", "ignore") for secret in secrets}
    return remove_values(content, {text for text in texts if len(text) >= SHORTEST})
