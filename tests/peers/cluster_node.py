"""One machine that is a whole cluster of Kubernetes: etcd, the control plane, containerd and the kubelet, as root in namespaces of
its own (containers.py). Its addresses exist there alone.
"""

import json
import os
import pathlib
import subprocess
import tempfile

from harness import Missing, cached, environment, stop, tool, wait_for

ADDRESS = "10.99.0.1"
SERVICES, API, DNS = "10.96.0.0/16", "10.96.0.1", "10.96.0.10"
PODS = "10.244.0.0/24"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
# What the kubelet would set for the whole machine: it sees here that it is set.
KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


def built(name):
    """A program that tests/peers/install --cluster builds."""
    return cached(name, f"{name.upper().replace('-', '_')}_BIN", "cluster-programs")


class Authority:
    """A certificate authority, and what it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "ca.crt"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=the cluster's", "-days", "2",
                "-keyout", folder / "ca.key", "-out", self.certificate)  # fmt: skip

    def sign(self, name, subject, names=()):
        """The paths of a certificate and its key."""
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\n" if names else "basicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", extensions, "-out", certificate)  # fmt: skip
        return certificate, key


def openssl(*arguments):
    subprocess.run([tool("openssl"), *map(str, arguments)], check=True, capture_output=True)


class Cluster:
    """A running cluster, whose images come from a registry; it ends with the block, and its pods with the namespaces."""

    def __init__(self, folder, authority, registry):
        self.folder, self.authority, self.registry = folder, authority, registry
        # Mounts of pods stay in it until the namespaces end.
        self.state = pathlib.Path(tempfile.gettempdir()) / "cluster"
        self.state.mkdir()
        self.logs = pathlib.Path(os.environ.get("SADDLEBAG_CLUSTER_LOGS") or folder / "logs")
        self.logs.mkdir(exist_ok=True)
        self.running = []

    def __enter__(self):
        try:
            self.network()
            self.control()
            self.machine()
            wait_for("the kubelet tells of its node", lambda: self.asked("get", "node/node").returncode == 0, 60)
            self.kubectl("wait", "--for=condition=Ready", "node/node", "--timeout=90s")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            stop(process)

    def start(self, name, program, *flags):
        with (self.logs / f"{name}.log").open("wb") as log:
            command = [program, *map(str, flags)]
            process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def network(self):
        ip = tool("ip")
        for command in (
            ["link", "add", "node0", "type", "bridge"],
            ["address", "add", f"{ADDRESS}/24", "dev", "node0"],
            ["address", "add", f"{DNS}/32", "dev", "node0"],
            ["link", "set", "node0", "up"],
            ["route", "add", "default", "via", "10.99.0.254", "dev", "node0"],
        ):
            subprocess.run([ip, *command], check=True)
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def control(self):
        etcd, client, service = self.state / "etcd", "http://127.0.0.1:2379", self.folder / "service-accounts.key"
        self.start("etcd", built("etcd"), f"--data-dir={etcd}", "--unsafe-no-fsync", f"--listen-client-urls={client}",
                   f"--advertise-client-urls={client}", "--listen-peer-urls=http://127.0.0.1:2380")  # fmt: skip
        openssl("genrsa", "-out", service, "2048")
        openssl("rsa", "-in", service, "-pubout", "-out", self.folder / "service-accounts.pub")
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        certificate, key = self.authority.sign(
            "apiserver", "/CN=kube-apiserver", [*(f"DNS:{name}" for name in names), f"IP:{API}", f"IP:{ADDRESS}", "IP:127.0.0.1"]
        )
        admin, admin_key = self.authority.sign("admin", "/O=system:masters/CN=admin")
        self.start(
            "kube-apiserver", built("kube-apiserver"), f"--etcd-servers={client}", f"--service-cluster-ip-range={SERVICES}",
            f"--advertise-address={ADDRESS}", "--authorization-mode=Node,RBAC", f"--client-ca-file={self.authority.certificate}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}", f"--service-account-key-file={service}",
            f"--service-account-signing-key-file={service}", "--service-account-issuer=https://kubernetes.default.svc",
            f"--kubelet-client-certificate={admin}", f"--kubelet-client-key={admin_key}", "--allow-privileged",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.authority.certificate}", f"--cert-dir={self.folder}",
        )  # fmt: skip
        self.config = self.folder / "kubeconfig"
        user = {"client-certificate": str(admin), "client-key": str(admin_key)}
        server = {"server": "https://127.0.0.1:6443", "certificate-authority": str(self.authority.certificate)}
        self.config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "clusters": [{"name": "here", "cluster": server}], "users": [{"name": "admin", "user": user}],
        }))  # fmt: skip
        wait_for("the API server is ready", lambda: self.asked("get", "--raw=/readyz").returncode == 0, 120)
        self.start("kube-controller-manager", built("kube-controller-manager"), f"--kubeconfig={self.config}", "--leader-elect=false",
                   f"--service-account-private-key-file={service}", f"--root-ca-file={self.authority.certificate}",
                   "--use-service-account-credentials", f"--cert-dir={self.folder}",
                   f"--flex-volume-plugin-dir={self.state / 'plugins'}")  # fmt: skip
        self.start("kube-scheduler", built("kube-scheduler"), f"--kubeconfig={self.config}", "--leader-elect=false",
                   f"--cert-dir={self.folder}")  # fmt: skip

    def machine(self):
        self.containerd()
        for name, value in KERNEL.items():
            shown = self.folder / name.replace("/", "-")
            shown.write_text(f"{value}\n")
            subprocess.run(["mount", "--bind", shown, f"/proc/sys/{name}"], check=True)
        certificate, key = self.authority.sign("kubelet", "/CN=node", ["DNS:node", f"IP:{ADDRESS}"])
        kubelet = self.written("kubelet.json", {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                               "x509": {"clientCAFile": str(self.authority.certificate)}},
            "authorization": {"mode": "AlwaysAllow"},
            "tlsCertFile": str(certificate), "tlsPrivateKeyFile": str(key),
            "containerRuntimeEndpoint": f"unix://{self.socket}", "cgroupDriver": "cgroupfs",
            # No tree of control groups that would be left behind; and no resizing of pods, which panics without one.
            "cgroupsPerQOS": False, "enforceNodeAllocatable": [], "featureGates": {"InPlacePodVerticalScaling": False},
            "failSwapOn": False, "failCgroupV1": False, "podLogsDir": str(self.state / "pods"),
            # Secrets reach their pods in seconds, not in a minute.
            "syncFrequency": "2s", "clusterDNS": [DNS], "clusterDomain": "cluster.local",
            "evictionHard": {"memory.available": "1Mi"}, "volumePluginDir": str(self.state / "plugins"),
        })  # fmt: skip
        self.start("kubelet", built("kubelet"), f"--config={kubelet}", f"--kubeconfig={self.config}", "--hostname-override=node",
                   f"--node-ip={ADDRESS}", f"--root-dir={self.state / 'kubelet'}", f"--cert-dir={self.folder}")  # fmt: skip
        # Its limits of tracked connections would be the whole machine's.
        proxy = self.written("proxy.json", {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
            "clientConnection": {"kubeconfig": str(self.config)}, "clusterCIDR": PODS, "hostnameOverride": "node",
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        })  # fmt: skip
        self.start("kube-proxy", built("kube-proxy"), f"--config={proxy}")

    def containerd(self):
        self.socket = "/run/containerd.sock"
        plugins = next((place for place in ("/usr/lib/cni", "/opt/cni/bin") if pathlib.Path(place, "bridge").exists()), None)
        if not plugins:
            raise Missing("the bridge of CNI is missing: run tests/peers/install --cluster")
        (self.folder / "cni").mkdir()
        bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": True, "hairpinMode": True,
                  "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}],
                           "dataDir": "/run/cni"}}  # fmt: skip
        network = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]}
        self.written("cni/10-pods.conflist", network)
        hosts = self.folder / "hosts/docker.io"
        hosts.mkdir(parents=True)
        (hosts / "hosts.toml").write_text(f'server = "{self.registry}"\n[host."{self.registry}"]\ncapabilities = ["pull", "resolve"]\n')
        config = self.folder / "containerd.toml"
        config.write_text(f"""version = 2
root = "{self.state}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/pause"
stream_server_address = "127.0.0.1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{self.folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{self.folder}/hosts"
[plugins."io.containerd.internal.v1.opt"]
path = "{self.state}/opt"
""")
        self.start("containerd", tool("containerd"), f"--config={config}")
        wait_for("containerd listens", lambda: pathlib.Path(self.socket).exists())

    def written(self, name, value):
        path = self.folder / name
        path.write_text(json.dumps(value))
        return path

    def asked(self, *arguments, given=None, within=180):
        """What came of a command of kubectl, whether it went well or not."""
        command = [built("kubectl"), f"--kubeconfig={self.config}", f"--cache-dir={self.folder / 'cache'}", *map(str, arguments)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=within)

    def kubectl(self, *arguments, **options):
        """What a command of kubectl that goes well prints."""
        done = self.asked(*arguments, **options)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout.strip()

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "--output=json", *arguments))

    def pods(self, namespace, label):
        """The pods that are not on their way out, by name."""
        found = self.get("pods", f"--namespace={namespace}", f"--selector={label}")["items"]
        return {pod["metadata"]["name"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}
