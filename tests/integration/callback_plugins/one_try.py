# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that lets a rotation try a new value once. It tries for 10 to 30 seconds, which only some tests are about."""

from __future__ import annotations

import math

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: one_try
type: aggregate
short_description: Lets rotations try a value once, for the tests
version_added: 0.1.0
description: Sets the time between two attempts so that there is no second one.
"""


class CallbackModule(CallbackBase):
    """Changes the driver of this process, which the workers inherit."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "one_try"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        # Imported here: ansible-core loads this file in every play of the tests, also where only this collection's own files count.
        from ansible_collections.nebula.credential.plugins.plugin_utils.action import rotation_driver

        rotation_driver.POLL_INTERVAL = math.inf
