# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `unknown_variables`, as the roles call it."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.filter.unknown_variables import FilterModule

unknown_variables = FilterModule().filters()["unknown_variables"]
KNOWN = ["backup_days", "backup_directory"]


@pytest.mark.parametrize("name", ["bakup_days", "backup_dasy", "backups_days", "backup_day"])
def test_a_name_that_is_a_letter_or_a_swap_away_is_found_with_the_one_that_was_meant(name):
    assert unknown_variables([name], "backup_", KNOWN) == ["'{0}' (did you mean 'backup_days'?)".format(name)]


def test_a_name_with_the_prefix_is_found_also_if_it_is_like_none():
    assert unknown_variables(["backup_qqqqqqqqqqqqqqqqqqq"], "backup_", KNOWN) == ["'backup_qqqqqqqqqqqqqqqqqqq'"]


def test_known_names_and_names_of_others_are_not_found():
    assert unknown_variables([*KNOWN, "backend", "restore_days", "days"], "backup_", KNOWN) == []
