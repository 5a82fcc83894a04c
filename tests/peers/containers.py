"""Podman in namespaces of its own, and the image of deploy/container/Containerfile in it.

Networks, firewall rules, mounts and processes end with the namespaces: nothing of them is left on the machine, whatever
becomes of a test. The bases of the image are stand-ins of container-bases, so that no registry is asked.
"""

import contextlib
import hashlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

from harness import ROOT, Missing, interrupted, tool

HERE = pathlib.Path(__file__).resolve().parent
CONTAINERFILE = ROOT / "deploy/container/Containerfile"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "saddlebag-tests"
INSIDE = "inside"


def alone(name, prepare):
    """Runs this script again as the first process of its own namespaces, and returns there; `prepare()` is done before, and with
    the machine's network."""
    if sys.argv[1:] == [INSIDE]:
        enter()
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        if os.geteuid():
            raise Missing("it makes mounts, networks and containers: run it as root")
        prepare()
        namespaces = [tool("unshare"), "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
    except Missing as missing:
        sys.exit(f"{name}: {missing}")
    with tempfile.TemporaryDirectory(prefix="saddlebag-") as folder:
        script = [sys.executable, "-B", sys.argv[0], INSIDE]
        try:
            sys.exit(subprocess.run(namespaces + script, env=os.environ | {"TMPDIR": folder}).returncode)
        finally:
            sweep()


def enter():
    run("ip", "link", "set", "lo", "up")
    # Sockets, locks and states of the machine's own containers; and what is written there is gone with the namespaces.
    for place in ("/run", "/dev/shm"):
        run("mount", "-t", "tmpfs", "tmpfs", place)
    for place in ("/etc", "/var/lib", "/var/log"):
        layers = [pathlib.Path(f"/run/written{place}/{layer}") for layer in ("upper", "work")]
        for layer in layers:
            layer.mkdir(parents=True)
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={place},upperdir={layers[0]},workdir={layers[1]}", place)
    # crun refuses version 2 of control groups beside version 1.
    if os.path.ismount("/sys/fs/cgroup/unified"):
        run("umount", "/sys/fs/cgroup/unified")


def run(name, *arguments):
    subprocess.run([tool(name), *arguments], check=True)


def sweep():
    """Takes away the control groups that containers were in; those that somebody is in stay."""
    for parent in ("libpod_parent", "buildah-buildah*", "k8s.io", "kubepods"):
        for place in sorted(pathlib.Path("/sys/fs/cgroup").glob(f"**/{parent}/**/"), reverse=True):
            with contextlib.suppress(OSError):
                place.rmdir()


def bases():
    """The store with the stand-ins, which another text of the script makes anew."""
    script = HERE / "container-bases"
    return CACHE / f"container-{hashlib.sha256(script.read_bytes()).hexdigest()[:12]}"


def prepare_image():
    """What the build takes from the network: Debian's packages, and those of Cargo.lock."""
    for name in ("podman", "debootstrap", "cargo", "rustc"):
        tool(name)
    if not bases().exists():
        print("stand-ins for the image's bases: making them, which is done once a machine", flush=True)
        subprocess.run([HERE / "container-bases", bases()], check=True)
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)


class Podman:
    """podman, with images and containers of its own."""

    def __init__(self):
        folder = pathlib.Path(tempfile.gettempdir())
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "/run/containers/storage"\n'
            f'[storage.options]\nadditionalimagestores = ["{bases()}"]\n'
        )
        (folder / "containers.conf").write_text(
            f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n[network]\nnetwork_config_dir = "{folder}/networks"\n'
        )
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_CONF": f"{folder}/containers.conf",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self("rm", "--all", "--force", "--time", "2")

    def __call__(self, *arguments, cwd=None, within=60):
        """What came of a command, whether it went well or not."""
        command = [tool("podman"), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=within)

    def told(self, *arguments, **options):
        """What a command that goes well prints."""
        done = self(*arguments, **options)
        if done.returncode:
            raise RuntimeError(f"podman {' '.join(map(str, arguments[:2]))}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout.strip()


def documented():
    """The commands in the head of the Containerfile, by their words."""
    head = CONTAINERFILE.read_text().split("\nFROM ")[0].replace("\\\n#", "")
    return [shlex.split(line[1:]) for line in head.splitlines() if line.startswith("#   ")]


def build(podman):
    """Builds the image as the Containerfile says, with this machine's Rust. Long tests build what is shipped."""
    profile = "dist" if os.environ.get("SADDLEBAG_LONG_TESTS") else "dev"
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    registry = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo") / "registry"
    # Kept, so that what has not changed is not compiled again.
    target = CACHE / "container-target"
    target.mkdir(parents=True, exist_ok=True)
    mounts = {f"{sysroot}:/usr/local/rustup/toolchains/this:ro", f"{registry}:/usr/local/cargo/registry:ro", f"{target}:/src/target"}
    words = documented()[0]
    if words[:2] != ["podman", "build"]:
        raise RuntimeError(f"the Containerfile begins with another command: {words}")
    flags = ["--pull=never", f"--build-arg=PROFILE={profile}", *(f"--volume={mount}" for mount in mounts)]
    return podman("build", *flags, *words[2:], cwd=ROOT, within=3000)
