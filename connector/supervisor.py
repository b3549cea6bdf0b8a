"""Runs child processes, starts those that die again, and leaves none behind.

One thread and one `select` watch everything: output of the children, their deaths (SIGCHLD) and
the signals that ask for an end. The process that runs a Supervisor belongs to it: it reaps every
child process there is, so nothing else in the same process may start any.
"""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from connector import leash
from connector.child import Backoff, Child, Death, Event, Running
from connector.errors import Unavailable
from connector.output import Channel, Output
from connector.signals import STOP_SIGNALS, empty, signals_to

GRACE = 7.0  # seconds between asking the children to stop and killing them
LAST_GRACE = 1.5  # the same for those that stop last
REAP = 1.0  # seconds for what was killed to be gone
LEASH = (sys.executable, "-I", "-S", str(Path(leash.__file__)))


class Supervisor:
    """Keeps `children` running until a signal (SIGTERM, SIGINT, SIGHUP) asks for the end.

    `on_event` is told what happens, in words. `mark` names the run: processes that carry it (see
    connector/leash.py) are ended with it, and what an earlier run of that name left is ended at
    the beginning. Use it as a context manager, from the main thread:

        with Supervisor(children, on_event=print, output=output) as supervisor:
            supervisor.wait_ready(timeout=30)
            supervisor.run()
    """

    def __init__(
        self,
        children: Sequence[Child] = (),
        *,
        on_event: Callable[[Event], None],
        output: Output,
        backoff: Backoff | None = None,
        grace: float = GRACE,
        mark: str | None = None,
    ) -> None:
        self._waiting = list(children)
        self._on_event = on_event
        self._output = output
        self._backoff = backoff or Backoff()
        self._grace = grace
        self._mark = mark or secrets.token_hex(8)
        self._running: dict[str, Running] = {}
        self._selector = selectors.DefaultSelector()
        self._stop_requested = False
        self._kill_requested = False
        self._stopping = False
        self._undertaker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Supervisor:
        with ExitStack() as stack:
            leash.prctl(leash.PR_SET_CHILD_SUBREAPER, 1)
            stack.callback(leash.prctl, leash.PR_SET_CHILD_SUBREAPER, 0)
            stack.callback(self._selector.close)
            readable = stack.enter_context(signals_to(self._signal))
            self._selector.register(readable, selectors.EVENT_READ)
            stack.callback(self.stop)
            leash.sweep(self._mark)
            self._watch_over_us()
            for child in self._waiting:
                self.start(child)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def stop_requested(self) -> bool:
        """Whether a signal (or `request_stop`) has asked for the end."""
        return self._stop_requested

    def request_stop(self) -> None:
        """End `run` and `wait_ready`; may be called from any thread."""
        self._stop_requested = True
        os.kill(os.getpid(), signal.SIGCHLD)  # only to wake the loop

    def pid(self, name: str) -> int | None:
        """Return the process id of a child, or None while it is not running."""
        running = self._running[name]
        return running.process.pid if running.process else None

    def start(self, child: Child) -> None:
        """Add a child and start it."""
        self._running[child.name] = Running(child)
        self._spawn(self._running[child.name])

    def wait_ready(self, timeout: float) -> bool:
        """Watch over the children until all of them are ready; False when asked to stop before.

        Raises Unavailable after `timeout` seconds, naming those that are not, with the last line
        that each has said.
        """
        deadline = time.monotonic() + timeout
        late = [running for running in self._running.values() if running.child.ready]
        while late and not self._stop_requested:
            self.step(0.02)
            late = [running for running in late if not running.is_ready()]
            if late and time.monotonic() > deadline:
                raise Unavailable(" ".join(running.why_late(timeout) for running in late))
        return not self._stop_requested

    def run(self) -> None:
        """Watch over the children until a signal or `request_stop` asks for the end."""
        while not self._stop_requested:
            self.step(None)

    def step(self, timeout: float | None) -> None:
        """Wait for something to happen, for at most `timeout` seconds, and see to it."""
        due = [r.restart_at for r in self._running.values() if r.restart_at is not None]
        if due and not self._stopping:
            until = max(0.0, min(due) - time.monotonic())
            timeout = until if timeout is None else min(timeout, until)
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Channel):
                self._drain(key.data)
            else:
                empty(key.fd)
        self._reap()
        if not self._stopping:
            for running in self._running.values():
                if running.restart_at is not None and running.restart_at <= time.monotonic():
                    self._spawn(running)

    def stop(self) -> None:
        """Ask all children to end, those with `stop_last` after the others; then kill what is left.

        Takes at most `grace` + 2.5 seconds; a SIGINT meanwhile makes it immediate. Afterwards
        no process of this run exists and every child is reaped. A second call does nothing.
        """
        if self._stopping:
            return
        self._stopping = self._stop_requested = True
        first = [r for r in self._running.values() if not r.child.stop_last]
        last = [r for r in self._running.values() if r.child.stop_last]
        self._tell("stopping", None, "stopping everything (press Ctrl-C again to kill it at once)")
        self._terminate(first, self._grace)
        self._terminate(last, min(self._grace, LAST_GRACE))
        self._kill_the_rest()
        self._tell("stopped", None, "everything has stopped")

    # -- starting ---------------------------------------------------------------------------

    def _spawn(self, running: Running) -> None:
        child = running.child
        channel = Channel(child.name, self._output, child.hide)
        # The leash runs in between, so that no Python code runs between fork and exec here.
        running.process = subprocess.Popen(
            [*LEASH, "exec", str(os.getpid()), "--", *child.argv],
            env={**os.environ, **child.env, leash.VARIABLE: f"{self._mark}/{child.name}"},
            stdin=subprocess.DEVNULL,
            stdout=channel.write_fd,
            stderr=channel.write_fd,
            start_new_session=True,
            pass_fds=child.pass_fds,
        )
        channel.started()
        self._selector.register(channel.read_fd, selectors.EVENT_READ, channel)
        running.started(channel)
        if not running.restarts:
            self._tell("started", running, f"{child.name} started (process {running.process.pid})")

    def _watch_over_us(self) -> None:
        """Start the process that ends everything in our place if we are killed."""
        self._undertaker = subprocess.Popen(
            [*LEASH, "watch", self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    # -- watching ---------------------------------------------------------------------------

    def _drain(self, channel: Channel) -> None:
        descriptor = channel.read_fd
        if descriptor >= 0 and not channel.drain():
            self._selector.unregister(descriptor)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if self._undertaker is not None and pid == self._undertaker.pid:
                self._undertaker.returncode = code
                if not self._stopping:
                    self._watch_over_us()
            for running in self._running.values():
                if running.process is not None and running.process.pid == pid:
                    running.process.returncode = code
                    self._died(running, running.process)

    def _died(self, running: Running, process: subprocess.Popen[bytes]) -> None:
        self._end_group(running, process.pid)
        self._drain(running.channel)
        running.process = None
        if self._stopping:
            return
        death = Death(running.child.name, process.returncode, running.lasted(), running.last_lines)
        delay = running.plan_restart(self._backoff)
        if running.child.before_restart is not None:
            running.child.before_restart(death)
        self._tell("died", running, death.sentence(running.restarts, delay))

    def _end_group(self, running: Running, pid: int) -> None:
        """Kill what a dead child has left: it would hold its port, or work beside its successor."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        leash.sweep(f"{self._mark}/{running.child.name}", patience=0.5)

    # -- stopping ---------------------------------------------------------------------------

    def _terminate(self, group: Sequence[Running], patience: float) -> None:
        for running in group:
            running.restart_at = None
            if running.process is not None:
                running.process.send_signal(signal.SIGTERM)
        self._step_until(lambda: not any(r.process for r in group), patience)

    def _step_until(self, done: Callable[[], bool], patience: float) -> None:
        deadline = time.monotonic() + patience
        while not done() and not self._kill_requested and time.monotonic() < deadline:
            self.step(min(0.1, max(0.0, deadline - time.monotonic())))

    def _kill_the_rest(self) -> None:
        for running in self._running.values():
            if running.process is not None:
                name = running.child.name
                self._tell("killed", running, f"{name} did not stop when asked to: killing it")
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(running.process.pid, signal.SIGKILL)
        leash.sweep(self._mark, patience=REAP)
        if self._undertaker is not None and self._undertaker.stdin is not None:
            self._undertaker.stdin.close()
        deadline = time.monotonic() + REAP
        while time.monotonic() < deadline and self._has_children():
            self.step(0.02)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Channel):
                self._drain(key.data)
                key.data.close()

    def _has_children(self) -> bool:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def _signal(self, number: int) -> None:
        # Ctrl-C again, after the stop has begun, is the wish to wait no longer.
        self._kill_requested |= self._stop_requested and number == signal.SIGINT
        self._stop_requested |= number in STOP_SIGNALS

    def _tell(self, kind: str, running: Running | None, text: str) -> None:
        self._on_event(Event(kind, running.child.name if running else None, text))
