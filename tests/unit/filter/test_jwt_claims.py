# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `jwt_claims`, as Jinja calls it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError

from ansible_collections.nebula.credential.plugins.filter.jwt_claims import FilterModule

jwt_claims = FilterModule().filters()["jwt_claims"]


def test_the_claims_are_shown_whatever_the_signature_is():
    # RFC 7519, section 6.1: a token without any.
    token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    assert jwt_claims(token) == jwt_claims(token + "c2ln\n") == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


@pytest.mark.parametrize("value", ["c4n4ry", "c4n4ry.c4n4ry.c4n4ry", "e30.W10.", "a.b.c.d.e", "", None, 5, ["e30.e30."]])
def test_what_is_no_signed_token_is_an_error_that_does_not_show_it(value):
    with pytest.raises(AnsibleError, match="invalid_") as caught:
        jwt_claims(value)
    assert "c4n4ry" not in str(caught.value)
