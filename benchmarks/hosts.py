"""Many hosts on one machine: network namespaces on a bridge, whose links can be cut.

Needs Linux, root and iproute2. A cut link drops packets without a word, as a cable that was pulled
does; a host that is killed answers nothing more, and whoever was connected to it is not told.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BRIDGE = "colabel-hosts"
NETWORK = "10.77.0"
OURS = f"{NETWORK}.1"


def ip(*arguments: str) -> str:
    """Run ip(8); return what it prints. Raises CalledProcessError."""
    done = subprocess.run(["ip", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


@dataclass
class Host:
    """A network namespace with one address, and the processes that run in it.

    `commands` are started by `start` and, after a kill, by the next `start`; they run as `user`.
    """

    name: str
    number: int
    folder: Path
    commands: list[Sequence[str]] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Its address."""
        return f"{NETWORK}.{self.number}"

    @property
    def namespace(self) -> str:
        """What ip(8) calls it."""
        return f"colabel-{self.name}"

    @property
    def said(self) -> Path:
        """The file that everything printed goes to."""
        return self.folder / f"{self.name}.log"

    def connect(self) -> None:
        """Make the namespace and its link."""
        ours, theirs = self._link, f"e{self.number}"
        ip("netns", "add", self.namespace)
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        ip("link", "set", theirs, "netns", self.namespace)
        ip("link", "set", ours, "master", BRIDGE, "up")
        inside = ("-n", self.namespace)
        ip(*inside, "addr", "add", f"{self.address}/24", "dev", theirs)
        ip(*inside, "link", "set", theirs, "up")
        ip(*inside, "link", "set", "lo", "up")

    @property
    def _link(self) -> str:
        return f"colabel-v{self.number}"

    def cut(self) -> None:
        """Pull the cable."""
        ip("link", "set", self._link, "down")

    def heal(self) -> None:
        """Put it back."""
        ip("link", "set", self._link, "up")

    def start(self) -> None:
        """Start those of its commands that do not run."""
        for place, command in enumerate(self.commands):
            if place not in self.processes or self.processes[place].poll() is not None:
                self.processes[place] = self._run(command)

    def _run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        as_user = [] if self.user is None else ["setpriv", f"--reuid={self.user}", "--clear-groups"]
        with self.said.open("ab") as said:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *as_user, *command],
                env={**os.environ, **self.environment},
                stdout=said,
                stderr=said,
                cwd=self.folder,
            )

    def kill(self) -> None:
        """End everything that runs in it, without asking."""
        while pids := ip("netns", "pids", self.namespace).split():
            for pid in pids:
                with _gone():
                    os.kill(int(pid), signal.SIGKILL)
            for process in self.processes.values():
                process.wait(10)

    def remove(self) -> None:
        """Kill it, and take its link and its namespace away."""
        self.kill()
        # Gone at once; with the namespace it would go some time later, and the next run needs it.
        ip("link", "del", self._link)
        ip("netns", "del", self.namespace)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return


@contextmanager
def network(hosts: Sequence[Host]) -> Iterator[None]:
    """Connect the hosts to each other and to us (at OURS) for the length of the block.

    Raises SystemExit where this cannot be done.
    """
    if os.geteuid() != 0:
        raise SystemExit("Namespaces are made by root alone: run this as root.")
    ip("link", "add", BRIDGE, "type", "bridge")
    connected: list[Host] = []
    try:
        ip("addr", "add", f"{OURS}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for host in hosts:
            host.connect()
            connected.append(host)
        yield
    finally:
        for host in connected:
            host.remove()
        ip("link", "del", BRIDGE)
