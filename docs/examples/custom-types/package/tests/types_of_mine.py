# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types that the conformance suite of the collection runs on: NEBULA_CONFORMANCE_TYPES=types_of_mine:SAMPLES."""

from badge_type.badge import TYPE
from nebula_credential_type_conformance.type_sample import TypeSample

SAMPLES = (TypeSample("badge", TYPE, given={"holder": "Jo", "last_day": "2101-01-31"}),)
