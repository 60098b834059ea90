# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the summary of a run says about a credential that expires soon."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session.run_summary import _describe_end


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ({"days": 12, "hours": 5}, "in 12 days"),
        ({"hours": 47, "minutes": 30}, "in 47 hours"),
        ({"hours": 1, "minutes": 50}, "in 10"),
        ({"hours": -1}, "EXPIRED at "),
    ],
)
def test_the_time_that_is_left_is_in_units_that_fit(left, shown):
    assert shown in _describe_end((datetime.now(timezone.utc) + timedelta(**left)).isoformat())
