"""What the programs of this folder share: a cluster of their own, clients that load it, and the
times in which these had no acknowledgement."""
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

NODES = ["n1", "n2", "n3"]


def add_arguments(parser, base_port):
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--base-port", type=int, default=base_port)


class LocalCluster:
    """Three nodes on this machine, at a base port and above."""

    def __init__(self, binaries, base_port, directory):
        self.binaries = binaries
        self.directory = directory
        self.endpoints = ",".join(f"127.0.0.1:{base_port + i}" for i in range(len(NODES)))

    def run(self, *words):
        """What `baton WORDS` prints, whatever it exits with if it prints anything."""
        done = subprocess.run([str(self.binaries / "baton"), *words], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0 and not done.stdout:
            sys.exit(f"baton {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def local(self, *words):
        self.run("local", *words, "--dir", self.directory)

    def ask(self, *words):
        return json.loads(self.run("--endpoints", self.endpoints, *words, "-o", "json"))

    def start_load(self, *flags):
        """Put under way; finish() has its report."""
        command = [self.binaries / "baton-bench", "--endpoints", self.endpoints, *flags,
                   "--warmup-seconds", 1, "-o", "json"]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)

    def load(self, *flags):
        return finish(self.start_load(*flags))


@contextlib.contextmanager
def local_cluster(arguments, *flags):
    with tempfile.TemporaryDirectory() as directory:
        cluster = LocalCluster(arguments.bin, arguments.base_port, directory)
        cluster.local("up", "--base-port", str(arguments.base_port), *flags)
        try:
            yield cluster
        finally:
            cluster.local("down")


def finish(load):
    output, _ = load.communicate()
    if load.returncode != 0:
        sys.exit(f"baton-bench ended with {load.returncode}")
    return json.loads(output)


def longest_gap(gaps, begin_us, end_us):
    """Of those that touch the time; 0: none of a millisecond or more does."""
    return max((gap["ms"] for gap in gaps
                if gap["begin_us"] < end_us and gap["begin_us"] + gap["ms"] * 1000 > begin_us),
               default=0)


def summary(values_ms):
    ordered = sorted(values_ms)
    second = ordered[-2] if len(ordered) > 1 else ordered[-1]
    return {"median_ms": round(statistics.median(ordered), 2), "second_longest_ms": second,
            "longest_ms": ordered[-1]}
