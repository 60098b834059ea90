# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that kills the run, by SIGKILL, at a chosen moment of a rotation: before or after a call of the target, or after a report."""

from __future__ import annotations

import os
import signal

from ansible.plugins.callback import CallbackBase

from ansible_collections.nebula.credential.plugins.plugin_utils.action import rotation_driver

DOCUMENTATION = r"""
name: killer
type: aggregate
short_description: Kills the run for the tests
version_added: 0.1.0
description: Kills controller and worker at the moment number E(NEBULA_TEST_KILL_AT) of a rotation.
"""

CALLS = ("precheck", "probe", "apply", "retire", "make", "list_held")


class CallbackModule(CallbackBase):
    """Changes the driver of this process, which the workers inherit."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "killer"

    def __init__(self):
        super().__init__()
        self._moments, self._last = 0, int(os.environ["NEBULA_TEST_KILL_AT"])
        driver = rotation_driver.RotationDriver
        begin = driver.__init__

        def begin_watched(made, perform, target, *further):
            watched = type("Watched", (target,), {name: self._watch(getattr(target, name)) for name in CALLS})
            begin(made, self._watch_answer(perform), watched, *further)

        driver.__init__ = begin_watched

    def _watch(self, method):
        def call(*arguments):
            self._pass_moment()
            answer = method(*arguments)
            self._pass_moment()
            return answer

        return call

    def _watch_answer(self, perform):
        def call(report):
            answer = perform(report)
            self._pass_moment()
            return answer

        return call

    def _pass_moment(self):
        self._moments += 1
        if self._moments == self._last:
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
