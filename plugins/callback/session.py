# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the run's session before the first task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: session
short_description: Start the session of a run before its first task
version_added: 0.1.0
type: aggregate
description:
  - The first lookup or module that reads a credential starts the session of a run. Each of Ansible's processes, one for
    each host and task, loads the lookup plugin anew. With this plugin the playbook's own process does both once, before the first
    task of a file that names the collection, and the others inherit it.
  - A run of which no argument, inventory, playbook, role or variable file that was read so far contains C(nebula.credential) starts
    nothing. Templates, encrypted files and files that a task reads are not searched; a lookup in one of them starts the session itself.
  - The default store, set in C(nebula.yml), C(ansible.cfg), the environment or with C(-e), is opened at once, which loads its library.
    The session logs in only when a credential is first read.
  - What the playbook's process holds at that moment is kept out of Python's garbage collection, so that the workers need not copy it.
  - With O(summary) it says at the end of a playbook which credentials were read, in which versions and on which hosts, which of them
    expire soon, and how many requests to stores were spared. It never shows a value.
  - The plugin changes no result. Else it prints nothing, except with C(-vvv). If the session cannot be started, the run continues
    without it.
  - If C(session) is switched off with C(-e), in the environment, in C(ansible.cfg) or in C(nebula.yml), only the plugin is loaded.
    Variables of hosts and plays are not known yet at that moment.
options:
  summary:
    description: Shows what the run has used, at its end.
    type: bool
    default: false
    env:
      - name: NEBULA_CREDENTIAL_SUMMARY
    ini:
      - section: nebula_credential
        key: summary
  summary_file:
    description: The file to write the same to as JSON, for CI. Only this user can read it.
    type: path
    env:
      - name: NEBULA_CREDENTIAL_SUMMARY_FILE
    ini:
      - section: nebula_credential
        key: summary_file
  summary_expires:
    description: How long before its end a credential counts as one that expires soon.
    type: str
    default: 14d
    env:
      - name: NEBULA_CREDENTIAL_SUMMARY_EXPIRES
    ini:
      - section: nebula_credential
        key: summary_expires
requirements:
  - Enable it with C(callbacks_enabled) in section C([defaults]) of C(ansible.cfg).
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
# In ansible.cfg:
#
#   [defaults]
#   callbacks_enabled = nebula.credential.session
#
# A play stays as it is. Its first lookup finds the session ready.
- name: Make sure there is a credential
  nebula.credential.credential:
    name: db_pass

- name: Read it
  ansible.builtin.assert:
    that: lookup('nebula.credential.get', 'db_pass') | length == 32
    quiet: true
"""

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import lookup_loader

LAUNCHING = "ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher"
LOOKUPS = ("nebula.credential.get", "nebula.credential.get_many")


SUMMARY = "NEBULA_CREDENTIAL_SUMMARY"
"""The variable by which a session knows that the run wants a summary."""


def _describe(error: Exception) -> str:
    """Return an error of the collection in its own words, and only the class of another one."""
    from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError

    return str(error) if isinstance(error, CredentialError) else type(error).__name__


class CallbackModule(CallbackBase):
    """Load what every worker would load, in the process from which the workers are forked."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "nebula.credential.session"
    CALLBACK_NEEDS_ENABLED = True

    _loader: Any = None
    _mentions: Any = None
    """Looks whether the run uses the collection; None once it was found, or cannot be found out."""

    def _wants_summary(self) -> bool:
        return bool(self.get_option("summary") or self.get_option("summary_file"))

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Start if the command line or a file that was read so far names the collection. No error here may fail a play."""
        try:
            if self._wants_summary():
                os.environ[SUMMARY] = "true"  # The session is started with it, by whichever process starts it.
            from ansible_collections.nebula.credential.plugins.plugin_utils.session.mentions import Mentions

            self._loader = playbook.get_loader()
            self._mentions = Mentions(self._loader)
            self._start_if(self._mentions.are_on_command_line)
            self._start_if(self._find_mention)
        except Exception as error:  # noqa: BLE001  # no error may fail a play
            self._report_failure(error)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Start if a file of this play names the collection."""
        self._start_if(lambda: self._find_mention(play.vars_files))

    def _find_mention(self, *names: Any) -> bool:
        return bool(self._mentions.are_in_files(*names))

    def _start_if(self, is_used: Callable[[], bool]) -> None:
        if self._mentions is None:
            return
        try:
            if is_used():
                self._mentions = None
                self._start()
        except Exception as error:  # noqa: BLE001  # no error may fail a play; the first read of a credential reports it
            self._report_failure(error)

    def _start(self) -> None:
        """Load the lookups, and start the session."""
        # Not at the top of this file: a missing library must not prevent the plugin from loading.
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.callback_start import start

        told = start(self._loader)
        for lookup in LOOKUPS:
            lookup_loader.get(lookup)
        # All objects so far live as long as the run. Garbage collection in a worker would copy their memory (see gc.freeze).
        gc.freeze()
        self._display.vvv("{0}: {1}".format(self.CALLBACK_NAME, told))

    def _report_failure(self, error: Exception) -> None:
        """Show the class of an error: the text of a foreign one may quote a file."""
        self._mentions = None
        self._display.vvv("{0}: not started ({1})".format(self.CALLBACK_NAME, type(error).__name__))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show the summary. Undo the freeze: a program that runs plays itself may continue for long after this playbook."""
        gc.unfreeze()
        try:
            if self._wants_summary():
                self._show_summary()
        except Exception as error:  # noqa: BLE001  # no error may fail a play
            self._display.warning("{0}: there is no summary ({1})".format(self.CALLBACK_NAME, _describe(error)))

    def _show_summary(self) -> None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.session import run_summary

        summary = run_summary.read_summary(self.get_option("summary_expires"))
        if self.get_option("summary_file"):
            run_summary.write_summary(summary, self.get_option("summary_file"))
        if self.get_option("summary"):
            self._display.banner("CREDENTIALS")
            for line in run_summary.describe_summary(summary):
                self._display.display(line)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Start if a file that was read for this task names the collection. Reap the process that has forked the session."""
        self._start_if(self._find_mention)
        launching = sys.modules.get(LAUNCHING)
        if launching is not None:
            launching.reap()
