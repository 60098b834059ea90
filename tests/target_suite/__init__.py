# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The suite that every rotation target must pass. NEBULA_CONFORMANCE_TARGETS (`module:NAMES`) names the services that it runs on."""
