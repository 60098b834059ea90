# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test `valid_jwt`. Its documentation is in valid_jwt.yml."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.valid_jwt import VALID_JWT
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.key_sets import KeySets
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, read_keys, read_secret
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, verify_token
from ansible_collections.nebula.credential.plugins.plugin_utils.config.token_text import read_token_text
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import filter_failure

FETCH_TIMEOUT = 20.0
"""Seconds for the requests for a set of keys."""
_SETS = KeySets()


def is_valid_jwt(value: Any, **options: Any) -> bool:
    """Return True if a token is signed with one of the keys and says what the options demand.

    Raises:
        AnsibleError: an option is wrong, a key is damaged, or the keys cannot be fetched.
    """
    try:
        _verify(read_token_text(value), validate(options, VALID_JWT))
    except InvalidToken as problem:
        Display().vv("nebula.credential.valid_jwt: {0}".format(problem.what))
        return False
    except Exception as error:  # noqa: BLE001  # one place turns every error into one of Ansible's
        raise filter_failure(error) from None
    return True


def _verify(token: bytes, options: Mapping[str, Any]) -> None:
    expected = Expectation(
        algorithms=tuple(options["algorithms"] or ALGORITHMS),
        issuer=options["issuer"],
        audiences=tuple(options["audience"]),
        skew=options["skew"],
        requires_expiry=options["require_expiry"],
    )
    now = datetime.now(timezone.utc)
    if options["jwks_url"]:
        with deadline.within(FETCH_TIMEOUT, "the request for the keys"):
            _SETS.verify(token, options["jwks_url"], Tls(ca_file=options["ca_file"]), expected, now)
    elif options["secret"] is not None:
        verify_token(token, [read_secret(options["secret"].encode("utf-8"))], expected, now)
    else:
        keys = options["keys"]
        verify_token(token, read_keys((keys if isinstance(keys, str) else json.dumps(keys)).encode("utf-8")), expected, now)


class TestModule:
    """The tests of this file."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return them by name."""
        return {"valid_jwt": is_valid_jwt}
