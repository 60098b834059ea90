# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process holds is given back at its end: a worker's normal one, and the one that ansible-core hurries it into."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.client.exit_hooks import ExitHook

FORKED = multiprocessing.get_context("fork")
RELEASED, BEGUN, READY = b"r", b"b", b"w"


@pytest.fixture
def pipes():
    """Two pipes: what the worker says, and what it waits for."""
    said, told = os.pipe(), os.pipe()
    yield said, told
    for descriptor in (*said, *told):
        os.close(descriptor)


def ended(target, *arguments, say=(), expect=b""):
    """Run a worker; send it the signals of `say`, one for each byte of `expect` that it says. Answers its exit code."""
    worker = FORKED.Process(target=target, args=arguments)
    worker.start()
    (heard, _writing), _told = arguments[0]
    for byte, act in zip(expect, say):
        assert os.read(heard, 1) == bytes((byte,))
        act(worker)
    worker.join(60)
    return worker.exitcode


def returning(pipes):
    ExitHook(lambda: os.write(pipes[0][1], RELEASED))


def failing(pipes):
    ExitHook(lambda: os.write(pipes[0][1], RELEASED))
    raise SystemExit(3)


def waiting(pipes):
    """As a worker of ansible-core, whose own handler ends the process at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(9))
    ExitHook(lambda: os.write(pipes[0][1], RELEASED))
    os.write(pipes[0][1], READY)
    signal.pause()


def fetching(pipes):
    """The signal comes while something is fetched that could not be given back yet."""
    (_reading, said), (told, _writing) = pipes
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(9))
    held = []
    end = ExitHook(lambda: os.write(said, b"".join(held)))
    with end.deferring_signals():
        os.write(said, READY)
        os.read(told, 1)
        held.append(RELEASED)
    os.write(said, b"too far")


def slow_to_end(pipes):
    """The signal comes when the work is done and a thread is waited for."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
    ExitHook(lambda: os.write(pipes[0][1], RELEASED))
    threading.Thread(target=os.read, args=(pipes[1][0], 1)).start()
    os.write(pipes[0][1], READY)


def slow_to_release(pipes):
    """The signal comes while the release is under way."""
    (_reading, said), (told, _writing) = pipes

    def release():
        os.write(said, BEGUN)
        os.read(told, 1)
        os.write(said, RELEASED)

    ExitHook(release)


@pytest.mark.parametrize(("target", "code"), [(returning, 0), (failing, 3)])
def test_a_process_that_returns_or_exits_gives_back_once(pipes, target, code):
    assert ended(target, pipes) == code
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_end_gives_back_first_and_then_does_what_it_was_told(pipes, number):
    assert ended(waiting, pipes, say=[lambda worker: os.kill(worker.pid, number)], expect=READY) == 9
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_being_fetched_is_given_back_and_nothing_else_is_begun(pipes, number):
    def interrupt(worker):
        os.kill(worker.pid, number)
        os.write(pipes[1][1], b".")

    assert ended(fetching, pipes, say=[interrupt], expect=READY) == 9
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


def test_it_is_given_back_too_when_the_work_is_done_and_the_process_not_yet_over(pipes):
    """Python 3.13 waits for threads before it runs finalizers, 3.11 after; either way the signal ends the process."""
    assert ended(slow_to_end, pipes, say=[lambda worker: worker.terminate()], expect=READY) == 9
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


def test_what_is_being_given_back_is_not_cut_short(pipes):
    def hurry(worker):
        worker.terminate()
        os.write(pipes[1][1], b".")

    assert ended(slow_to_release, pipes, say=[hurry], expect=BEGUN) == -signal.SIGTERM
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


def test_nothing_is_given_back_twice_by_the_processes_that_are_forked_later(pipes):
    worker = FORKED.Process(target=with_a_child, args=(pipes,))
    worker.start()
    worker.join(60)
    os.write(pipes[0][1], b".")
    assert os.read(pipes[0][0], 9) == RELEASED + b"."


def with_a_child(pipes):
    ExitHook(lambda: os.write(pipes[0][1], RELEASED))
    child = FORKED.Process(target=int)
    child.start()
    child.join(60)
