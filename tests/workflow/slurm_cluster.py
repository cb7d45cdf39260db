"""A Slurm of one node with accounting, brought up by hand in a folder of its own and ended again.

It takes Debian's programs but nothing else of the system: configuration, keys, sockets, data and
logs are in the folder, which is deleted in the end; ports are free ones; every daemon is a child
that is ended by its process id and ends when this process does.  Neither systemd nor cgroups are
needed.  Every wait has a limit.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "mariadb")
PROGRAMS += ("slurmdbd", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
PROGRAMS += ("sinfo", "sacct", "sacctmgr", "scontrol", "setpriv")
PATH = f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"

DBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdPort={dbd}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mariadb}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm
LogFile={folder}/log/slurmdbd
PidFile={folder}/slurmdbd.pid
"""

# The gatherer of job statistics kills what outgrows its memory, which cgroups do elsewhere.
SLURM = """\
ClusterName=rehearsal
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/slurmd
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=2,batch_sched_delay=0
KillWait=5
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

# Before a command: it is told to end when this process does, however that happens.
MORTAL = ("setpriv", "--pdeathsig", "TERM")
PATIENCE = 120  # seconds for a daemon to come up, for a command to answer

# Snakemake's step of a job calls srun without SLURM_CONF: the usual configuration is elsewhere.
SRUN = """\
#!/bin/sh
SLURM_CONF={SLURM_CONF} exec {srun} "$@"
"""


def absent() -> str:
    """Why a Slurm cannot be brought up here; empty where it can."""
    if os.geteuid() != 0:
        return "only root can bring up a Slurm for itself"
    missing = [name for name in PROGRAMS if _which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


ENDED = {"COMPLETED", "CANCELLED", "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL"}


@dataclass(frozen=True)
class Job:
    """What a job is for, as its submitter put it, how it is, and what it asked for."""

    purpose: str
    state: str
    memory: str
    asked: str = ""


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `environment` makes Slurm's commands speak to it."""

    folder: Path
    environment: dict[str, str]
    host: str
    database_port: int
    password: str

    def run(self, *command: str) -> str:
        """What a command of Slurm's prints; raises RuntimeError where it fails or never ends."""
        try:
            done = subprocess.run(
                command,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(str(error)) from error
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def accounted(self) -> dict[str, Job]:
        """All jobs that the accounting database knows, by id; the purpose only of ended ones.

        It hears of what happens some seconds later; waits until it has heard of the end of all jobs
        that have left the queue.
        """
        columns = "JobID,Comment,State,ReqMem,ReqTRES"
        known: dict[str, Job] = {}

        def ask() -> None:
            queued = self.queued()
            text = self.run("sacct", "-X", "-n", "-P", "-S", "now-1days", "--format", columns)
            for line in text.splitlines():
                job, purpose, state, memory, asked = line.split("|")
                known[job] = Job(purpose, state.split()[0], memory, asked)
                if job not in queued and known[job].state not in ENDED:
                    _not_yet()

        wait("the accounting", ask)
        return known

    def queued(self) -> dict[str, Job]:
        """The jobs that wait, run or are about to end, by id."""
        rows = (line.split("|") for line in self.run("squeue", "-h", "-o", "%i|%k|%T|%m").split())
        return {row[0]: Job(*row[1:]) for row in rows if row[2] not in ENDED}

    def emptied(self) -> None:
        """Wait until no job waits, runs or is about to end."""
        wait("the end of all jobs", lambda: not self.queued() or _not_yet())

    def clear(self) -> None:
        """Make the node as it was at the start: taking jobs, and without any."""
        with suppress(RuntimeError):  # "already resumed"
            self.run("scontrol", "update", f"nodename={self.host}", "state=resume")
        self.run("scancel", "--user=root")
        self.emptied()


@contextmanager
def slurm(cpus: int = 4, memory: int = 32000):
    """A running :class:`Cluster`; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, ExitStack() as daemons:
        cluster = _configure(Path(folder), cpus, memory)
        try:
            _bring_up(cluster, daemons)
            yield cluster
        except Exception as error:
            error.add_note(_said(cluster))
            raise
        finally:
            with suppress(RuntimeError):  # where it never came up
                cluster.clear()


def _configure(folder: Path, cpus: int, memory: int) -> Cluster:
    """Write what the daemons read."""
    folder.chmod(0o755)
    for name in ("munge", "log", "state", "spool", "database", "bin"):
        (folder / name).mkdir(mode=0o755)
    host = socket.gethostname().split(".")[0]
    names = ("mariadb", "dbd", "ctld", "slurmd")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    password = secrets.token_hex(16)
    values = {"folder": folder, "host": host, "cpus": cpus, "memory": memory, **ports}
    _write(folder / "munge" / "key", secrets.token_bytes(1024))
    _write(folder / "slurm.conf", SLURM.format(**values).encode())
    _write(folder / "slurmdbd.conf", DBD.format(**values, password=password).encode())
    _write(folder / "gres.conf", f"NodeName={host} Name=gpu File=/dev/null\n".encode())
    environment = {name: value for name, value in os.environ.items() if not _foreign(name)}
    configured = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}
    _write(folder / "bin" / "srun", SRUN.format(srun=_which("srun"), **configured).encode())
    (folder / "bin" / "srun").chmod(0o755)
    return Cluster(folder, environment | configured, host, ports["mariadb"], password)


def _bring_up(cluster: Cluster, daemons: ExitStack) -> None:
    folder = cluster.folder

    def start(name: str, *arguments: str) -> None:
        daemons.enter_context(_daemon(cluster, name, *arguments))

    munge = folder / "munge"
    start(
        "munged",
        *("--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key"),
        *(f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed"),
    )
    database = folder / "database"
    cluster.run(
        *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={database}"),
        *("--auth-root-authentication-method=normal", "--skip-test-db"),
    )
    start(
        *("mariadbd", "--no-defaults", "--user=root", f"--datadir={database}"),
        *(f"--socket={database}/socket", f"--pid-file={database}/pid"),
        *("--bind-address=127.0.0.1", f"--port={cluster.database_port}", "--skip-name-resolve"),
    )
    client = ("mariadb", "--no-defaults", f"--socket={database}/socket", "--execute")
    wait("MariaDB", lambda: cluster.run(*client, "SELECT 1"))
    user = f"slurm@'127.0.0.1' IDENTIFIED BY '{cluster.password}'"
    cluster.run(*client, f"CREATE DATABASE slurm; GRANT ALL ON slurm.* TO {user}")
    start("slurmdbd", "-D")
    wait("slurmdbd", lambda: cluster.run("sacctmgr", "-i", "-n", "show", "cluster"))
    for words in (
        ("add", "cluster", "rehearsal"),
        ("add", "account", "physics", "cluster=rehearsal"),
        ("add", "user", "root", "account=physics", "cluster=rehearsal"),
    ):
        with suppress(RuntimeError):  # "already exists"
            cluster.run("sacctmgr", "-i", *words)
    start("slurmctld", "-D", "-i")
    start("slurmd", "-D", "-N", cluster.host)
    wait("slurmd", lambda: cluster.run("sinfo", "-h", "-t", "idle", "-o", "%n") or _not_yet())


@contextmanager
def _daemon(cluster: Cluster, name: str, *arguments: str):
    """A daemon in the foreground, as a child that ends with this process."""
    with (cluster.folder / "log" / f"{name}.out").open("wb") as log:
        process = subprocess.Popen(
            [*MORTAL, name, *arguments],
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


def _said(cluster: Cluster) -> str:
    """The last lines of every daemon's log."""
    texts = {path: path.read_text(errors="replace") for path in cluster.folder.glob("log/*")}
    return "\n".join(f"{path.name}: {text[-2000:]}" for path, text in texts.items() if text)


def wait(what: str, ready: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `ready` no longer raises."""
    end = time.monotonic() + seconds
    while True:
        try:
            ready()
            return
        except RuntimeError as error:
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s in vain for {what}: {error}") from error
        time.sleep(0.2)


def _not_yet() -> None:
    raise RuntimeError("not yet")


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with ExitStack() as open_together:
        sockets = [open_together.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _which(name: str) -> str | None:
    return shutil.which(name, path=PATH)


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _foreign(name: str) -> bool:
    """Whether an environment variable would make Slurm's commands speak to another cluster."""
    return name.startswith(("SLURM_", "SBATCH_", "SRUN_", "SACCT_", "SQUEUE_", "SALLOC_"))
