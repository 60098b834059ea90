# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m ansible_collections.nebula.credential.plugins.plugin_utils.command`: the command, from the collection alone."""

from __future__ import annotations

import sys

from ansible_collections.nebula.credential.plugins.plugin_utils.command.main import main

if __name__ == "__main__":
    sys.exit(main())
