# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the run's session before the first task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: session
short_description: Start the session of a run before its first task
version_added: 0.1.0
type: aggregate
description:
  - The session of a run is started by the first lookup or module that asks for a credential, and each of Ansible's processes, one for
    each host and task, loads the lookup plugin anew. With this plugin the playbook's own process does both once, before its first
    task, and the others inherit it.
  - The store that is the default, by C(nebula.yml), C(ansible.cfg), the environment or C(-e), is opened at once, which loads its library.
    Nobody logs in before somebody asks.
  - What the playbook's process holds at that moment is kept out of Python's garbage collection, which saves each worker copying it.
  - It changes no result. It prints nothing, except with C(-vvv). Where the session cannot be started, the run goes on without it, as ever.
  - Where C(session) is said to be off with C(-e), in the environment, in C(ansible.cfg) or in C(nebula.yml), only the plugin is loaded.
    Variables of hosts and plays are not known yet at that moment.
requirements:
  - It has to be enabled, with C(callbacks_enabled) in section C([defaults]) of C(ansible.cfg).
author:
  - The nebula.credential authors (@nebula-automation)
"""

import gc
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import lookup_loader

LAUNCHING = "ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher"
LOOKUPS = ("nebula.credential.get", "nebula.credential.get_many")


class CallbackModule(CallbackBase):
    """Loads what every worker would load, in the process that they are forked from."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "nebula.credential.session"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Load the lookups, and start the session. Nothing that goes wrong here may fail a play: the first who asks finds out."""
        try:
            # Not at the top of this file: a library that is missing must not keep the plugin from being loaded.
            from ansible_collections.nebula.credential.plugins.plugin_utils.session.callback_start import started

            told = started(playbook.get_loader())
            for lookup in LOOKUPS:
                lookup_loader.get(lookup)
            # What is here so far lives as long as the run. Each worker that looked through it for garbage would copy it (see gc.freeze).
            gc.freeze()
        except Exception as error:  # noqa: BLE001  # as said; the text of a foreign error may quote a file
            told = "not started ({0})".format(type(error).__name__)
        self._display.vvv("{0}: {1}".format(self.CALLBACK_NAME, told))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """A program that runs plays by itself may go on for long after this one."""
        gc.unfreeze()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """See off the process that has forked the session."""
        launching = sys.modules.get(LAUNCHING)
        if launching is not None:
            launching.reap()
