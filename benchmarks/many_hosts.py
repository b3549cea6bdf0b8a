"""What is left of 5,000 pictures when links between hosts are cut and hosts are killed: all.

    python benchmarks/many_hosts.py
    python benchmarks/many_hosts.py --count 500 --seconds 60

PostgreSQL, Redis, a server that speaks S3 (moto's), the web process, the clock, and the workers
that classify, act and deliver, each on a host of its own: network namespaces of this machine (see
hosts.py; needs root). Pictures are sent with idempotency keys; every few seconds a link is cut for
a while, or a host is killed with all that runs on it and started again. (The S3 server, which
keeps everything in memory, is cut off but not killed.) When all is accepted, the faults end, and
the time until everything is done is taken. Then predictions, actions, files and messages are
counted, one by one. The exit code is 1 when anything is missing, doubled or wrong, or late.
"""

from __future__ import annotations

import argparse
import os
import pwd
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import common
import psycopg
from botocore.exceptions import EndpointConnectionError
from hosts import NETWORK, OURS, Host, network
from receiver import Received, receiving

sys.path.append(str(common.ROOT / "tests"))

from buckets import CREDENTIALS
from postgres import binaries
from running import QUICK, Service, prepare, until
from storm import Storm

from connector.embedded import find_redis_server

BUCKET, PORT = "colabel-pictures", 8765
WORKERS = ("classify", "act", "deliver")
# The S3 server of the tests forgets everything when it ends.
NEVER_KILLED = ("s3",)
COLABEL = (sys.executable, "-m", "connector.cli")


@dataclass
class Cluster(Service):
    """The service on its hosts: what the storm asks of a service on one machine."""

    hosts: dict[str, Host] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The web process's address."""
        return f"http://{self.hosts['web'].address}:{PORT}"

    def healthy(self) -> bool:
        """Say whether it answers."""
        try:
            return self.request("GET", "/healthz", timeout=2)[0] == 200
        except OSError:
            return False


@dataclass
class Faults:
    """Cuts and kills, at random, until `calm`."""

    hosts: dict[str, Host]
    every: float
    choose: random.Random
    calm: threading.Event = field(default_factory=threading.Event)
    cuts: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)

    def rage(self) -> None:
        """Do one thing after the other; at the end every host runs and every link is whole."""
        while not self.calm.wait(self.choose.uniform(0.2, 1.8) * self.every):
            host = self.hosts[self.choose.choice(sorted(self.hosts))]
            if host.name in NEVER_KILLED or self.choose.random() < 0.5:
                self.cuts[host.name] += 1
                host.cut()
                self.calm.wait(self.choose.uniform(1, 15))
                host.heal()
            else:
                self.kills[host.name] += 1
                host.kill()
                self.calm.wait(self.choose.uniform(0, 3))
            self.restart()
        for host in self.hosts.values():
            host.heal()
        self.restart()

    def restart(self) -> None:
        """Start what does not run, as a machine's init does."""
        for host in self.hosts.values():
            host.start()


def make_hosts(work: Path) -> dict[str, Host]:
    """Return the hosts with what runs on each."""
    names = ("db", "redis", "s3", "web", *WORKERS, "clock")
    hosts = {name: Host(name, number, work) for number, name in enumerate(names, 2)}
    at = {name: host.address for name, host in hosts.items()}
    environment = {
        **CREDENTIALS,
        **QUICK,
        "AWS_ENDPOINT_URL_S3": f"http://{at['s3']}:5000",
        "AWS_DEFAULT_REGION": "us-east-1",
        "DATABASE_URL": f"postgresql://colabel@{at['db']}/colabel",
        "REDIS_URL": f"redis://{at['redis']}:6379/0",
        "COLABEL_STORAGE": f"s3://{BUCKET}/all",
        "COLABEL_SECRET_KEY": "the same on every host",
        "COLABEL_PUBLIC_URL": f"http://{at['web']}:{PORT}",
        "COLABEL_ALLOW_PRIVATE_ADDRESSES": f"{NETWORK}.0/24",
        "PYTHONPATH": str(common.ROOT),
    }
    os.environ.update(environment)
    for name in ("web", *WORKERS, "clock"):
        hosts[name].environment = {"COLABEL_DATA_DIR": str(work / name)}
    hosts["web"].commands = [(*COLABEL, "web", "--host", at["web"], "--port", str(PORT))]
    hosts["clock"].commands = [(*COLABEL, "clock")]
    for name in WORKERS:
        hosts[name].commands = [(*COLABEL, "worker", name)]
    moto = ("-m", "moto.server", "-H", at["s3"], "-p", "5000")
    hosts["s3"].commands = [(sys.executable, *moto)]
    redis = ("--bind", at["redis"], "--protected-mode", "no", "--save", "", "--dir", str(work))
    hosts["redis"].commands = [(str(find_redis_server()), *redis)]
    _make_postgres(hosts["db"], work)
    return hosts


def _make_postgres(host: Host, work: Path) -> None:
    folder = binaries()
    if folder is None:
        raise SystemExit("There is no PostgreSQL on this machine; install it first.")
    # It refuses to run as root.
    user = pwd.getpwnam("nobody")
    data = work / "postgres"
    data.mkdir()
    os.chown(data, user.pw_uid, user.pw_gid)
    initdb = [str(folder / "initdb"), "-D", str(data), "-U", "colabel", "-A", "trust", "-E", "UTF8"]
    subprocess.run(
        initdb, check=True, stdout=subprocess.DEVNULL, cwd=data, user=user.pw_uid, group=user.pw_gid
    )
    with (data / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {NETWORK}.0/24 trust\n")
    host.user = user.pw_uid
    sockets = f"unix_socket_directories={data}"
    listening = f"listen_addresses={host.address}"
    host.commands = [(str(folder / "postgres"), "-D", str(data), "-c", listening, "-c", sockets)]


def prepare_stores(hosts: dict[str, Host]) -> None:
    """Start the stores and make the database and the bucket."""
    for name in ("db", "redis", "s3"):
        hosts[name].start()
    at = hosts["db"].address
    until(lambda: _database_made(at), 60, "PostgreSQL takes connections")
    client = boto3.client("s3")
    until(lambda: _bucket_made(client), 60, "the S3 server answers")


def _database_made(address: str) -> bool:
    try:
        with psycopg.connect(
            host=address, user="colabel", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute("CREATE DATABASE colabel")
    except psycopg.OperationalError:
        return False
    return True


def _bucket_made(client: Any) -> bool:
    try:
        client.create_bucket(Bucket=BUCKET)
    except EndpointConnectionError:
        return False
    return True


@contextmanager
def raging(faults: Faults) -> Iterator[None]:
    """Let the faults go on for the length of the block."""
    thread = threading.Thread(target=faults.rage)
    thread.start()
    try:
        yield
    finally:
        faults.calm.set()
        thread.join()


def findings(storm: Storm, received: Received) -> dict[str, list[str]]:
    """Return what is lost, doubled or wrong, messages included."""
    found = storm.findings()
    accepted = set(storm.accepted.values())
    found["lost"] += [f"the message about {one}" for one in accepted - received.of.keys()]
    found["doubled"] += [
        f"{len(messages)} messages about {one}"
        for one, messages in received.of.items()
        if len(messages) > 1
    ]
    return found


def run(work: Path, arguments: argparse.Namespace) -> bool:
    """Run the whole of it and print what came of it; return whether all is well."""
    hosts = make_hosts(work)
    with network(list(hosts.values())), receiving(OURS, 9000) as received:
        prepare_stores(hosts)
        cluster = Cluster(prepare(work / "act"), port=PORT, hosts=hosts)
        for host in hosts.values():
            host.start()
        until(cluster.healthy, 60, "the web process answers")
        hook = {"url": f"http://{OURS}:9000/", "event_types": ["prediction.completed"]}
        cluster.call("POST", "/api/v1/webhooks", hook)
        storm = Storm(cluster, arguments.count, arguments.seconds)
        storm.make_rules()
        faults = Faults(hosts, arguments.every, random.Random(arguments.seed))
        started = time.monotonic()
        with raging(faults):
            storm.rage()
        raged = time.monotonic() - started
        settled = storm.settle(arguments.settle)
        found = findings(storm, received)
    header = ("accepted", "storm s", "after s", "retries", "cuts", "kills", "repeats", *found)
    counted = (len(storm.accepted), round(raged), round(settled), storm.retries)
    sums = (faults.cuts.total(), faults.kills.total(), received.repeats)
    print(common.table(header, [(*counted, *sums, *(len(several) for several in found.values()))]))
    for what, of in (("cuts", faults.cuts), ("kills", faults.kills)):
        print(f"{what}: {', '.join(f'{name} {count}' for name, count in of.most_common())}")
    for kind, several in found.items():
        for one in several[:10]:
            print(f"{kind}: {one}")
    return not any(found.values()) and settled <= arguments.settle_aim


def main() -> None:
    """Run it once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=900, help="how long they take to be sent")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between faults")
    parser.add_argument("--settle", type=float, default=600, help="seconds to recover at most")
    parser.add_argument("--settle-aim", type=float, default=60, help="seconds that are all right")
    parser.add_argument("--seed", type=int, default=1, help="decides what is cut and killed when")
    parser.add_argument("--keep", action="store_true", help="leave the logs, and say where")
    arguments = parser.parse_args()
    print(common.machine(), flush=True)
    work = Path(tempfile.mkdtemp(prefix="colabel-hosts-"))
    work.chmod(0o755)
    well = run(work, arguments)
    if arguments.keep or not well:
        print(f"The logs are in {work}.")
    else:
        shutil.rmtree(work)
    sys.exit(not well)


if __name__ == "__main__":
    main()
