# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file of this directory needs: the base class of its services. The suite that runs on them is `tests/target_suite`."""

from __future__ import annotations

from tests.target_suite.harness import Plain, TargetService

__all__ = ["Plain", "TargetService"]
