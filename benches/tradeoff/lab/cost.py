"""What a request costs: processor time, latency, and bytes on the wire."""

import contextlib
import subprocess
import time

from servers import (AROUND, STORES, SYSTEMS, HaProxy, Load, Node, cpu, free, listens, login, stop, store, tool, wait_for,
                     write_peers)

CELLS = ["round", "bytes", "system", "requests", "seconds", "app_us", "store_us", "balancer_us", "up", "down", "p50_us",
         "p99_us"]
WIRE = ["bytes", "system", "characters", "first_up", "next_up", "next_down"]
SCALE = ["round", "system", "nodes", "bytes", "app_us", "store_us", "balancer_us"]
CARRIED = ["bytes", "system", "carried", "why"]


@contextlib.contextmanager
def everything(lab):
    """One node of each system behind one HAProxy: the nodes, what they keep sessions in besides, and HAProxy."""
    with contextlib.ExitStack() as stack:
        stores = {system: store(stack, system, lab.folder) for system in STORES}
        nodes = {system: Node(lab.folder, lab.program, system, stores.get(system)) for system in SYSTEMS if system != "needed"}
        # The backup of each pair, which is the store of that system.
        backup = Node(lab.folder, lab.program, "pairs", number=2, processor=AROUND)
        write_peers(lab.folder, [nodes["pairs"], backup])
        for server in (*nodes.values(), backup):
            stack.enter_context(server)
        nodes["needed"] = nodes["header"]
        around = {**{system: [kept.process] for system, kept in stores.items()}, "pairs": [backup.process]}
        yield nodes, around, stack.enter_context(HaProxy(lab.folder, {system: [node] for system, node in nodes.items()}))


def measure(lab):
    """All systems at all sizes."""
    with everything(lab) as started:
        *_, balancer = started
        asked = carry(lab, lab.sizes, balancer)
        carried = [(size, system) for size, system, is_carried, _ in asked if is_carried]
        lab.write("carried", CARRIED, asked)
        lab.write("cost", CELLS, rounds(lab, "cost", lab.rounds, carried, started))
        lab.write("wire", WIRE, wire(lab, carried, balancer))


def again(lab):
    """Some of it once more, from new servers: what another run says."""
    with everything(lab) as started:
        carried = [(size, system) for size, system, is_carried, _ in carry(lab, lab.again_sizes, started[-1]) if is_carried]
        lab.write("again", CELLS, rounds(lab, "again", lab.rounds, carried, started))


def carry(lab, sizes, balancer):
    """Which system carries a state of which size, by asking it."""
    rows = []
    for size in sizes:
        for system, about in SYSTEMS.items():
            load = Load(lab.program, balancer.fronts[system][0], "--bytes", size, "--users", 1, "--connections", 1,
                        *about["load"])
            load.drop()
            rows.append([size, system, int(load.carried), load.why or ""])
    return rows


def rounds(lab, part, count, carried, started):
    """Rounds one after the other, so that a slow minute of the machine hits all alike."""
    nodes, around, balancer = started
    cells = []
    for number in range(count):
        for size, system in carried:
            cells.append(cell(lab, number, size, system, nodes[system], around.get(system, []), balancer))
        lab.say(f"{part}: round {number + 1} of {count}")
    return cells


def cell(lab, number, size, system, node, around, balancer):
    front, flags = balancer.fronts[system][0], [*SYSTEMS[system]["load"], "--bytes", size]
    processes = {"app": [node.process], "store": around, "balancer": [balancer.process]}
    load = Load(lab.program, front, *flags, "--seconds", lab.seconds)
    before = {name: cpu(*who) for name, who in processes.items()}
    told = load.run()
    used = {name: (cpu(*who) - before[name]) / told["requests"] * 1e6 for name, who in processes.items()}
    good(told, system, size)
    # At the same rate for all, below what the slowest can: what a user waits, and not how full the machine is.
    calm = Load(lab.program, front, *flags, "--seconds", lab.seconds, "--rate", lab.rate).run()
    good(calm, system, size)
    return [number, size, system, told["requests"], f"{told['seconds']:.3f}", *(f"{used[name]:.2f}" for name in processes),
            f"{told['up'] / told['requests']:.1f}", f"{told['down'] / told['requests']:.1f}", calm["p50_us"], calm["p99_us"]]


def good(told, system, size):
    if told["lost"] or told["wrong"] or told["failed"]:
        raise RuntimeError(f"{system} at {size} bytes, with nothing broken: {told}")


def wire(lab, carried, balancer):
    """Bytes of a request over HTTP/2, of the first with its connection and of each that follows, by nghttp2's encoder."""
    rows = []
    asked = [(size, system) for size, system in carried if system != "needed"]
    # Around the size from which a token no longer fits the table of HPACK.
    for size, system in sorted({*asked, *((size, "sealed") for size in AROUND_THE_TABLE)}):
        one, two = balancer.fronts[system]
        headers = login(one, size, header=system == "header")
        with relay(lab, two) as (address, counts):
            first = sent(address, counts, headers, 1)
            many = sent(address, counts, headers, 1 + MORE)
        up = (many[0] - first[0]) / MORE
        down = (many[1] - first[1]) / MORE
        rows.append([size, system, sum(len(value) for _, value in headers), first[0], f"{up:.1f}", f"{down:.1f}"])
    lab.say("cost: HTTP/2")
    return rows


MORE = 100
AROUND_THE_TABLE = (2048, 2176, 2304, 2432, 2560, 2688)
# Of this many bytes, on one, two and three nodes, to check what the model says of them.
SCALED, OF = ("sealed", "memory", "redis", "pairs"), 1024


def scale(lab):
    """Processor time of a request by the number of nodes, all of which share the application's processor."""
    rows = []
    for system in SCALED:
        with contextlib.ExitStack() as stack:
            kept = store(stack, system, lab.folder)
            nodes = [Node(lab.folder, lab.program, system, kept, number) for number in (1, 2, 3)]
            for node in nodes:
                stack.enter_context(node)
            for count in (1, 2, 3):
                there = nodes[:count]
                write_peers(lab.folder, there)
                with HaProxy(lab.folder, {system: there}) as balancer:
                    for number in range(lab.rounds):
                        load = Load(lab.program, balancer.fronts[system][0], "--bytes", OF, "--seconds", lab.seconds)
                        who = {"app": [node.process for node in there], "store": [kept.process] if kept else [],
                               "balancer": [balancer.process]}
                        before = {name: cpu(*processes) for name, processes in who.items()}
                        told = load.run()
                        good(told, system, OF)
                        used = [(cpu(*processes) - before[name]) / told["requests"] * 1e6 for name, processes in who.items()]
                        rows.append([number, system, count, OF, *(f"{one:.2f}" for one in used)])
    lab.say("scale: one, two and three nodes")
    lab.write("scale", SCALE, rows)


@contextlib.contextmanager
def relay(lab, to):
    """A relay in front of an address: its own, and a function that tells the bytes so far."""
    address = free()
    process = subprocess.Popen([lab.program, "relay", address, to], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def counts():
        process.stdin.write("\n")
        process.stdin.flush()
        return [int(number) for number in process.stdout.readline().split()]

    try:
        wait_for("the relay listens", lambda: listens(address))
        yield address, counts
    finally:
        process.stdin.close()
        stop(process)


def sent(address, counts, headers, requests):
    """Bytes up and down of some requests on one connection, one after the other."""
    before = counts()
    h2load(f"http://{address}/", headers, requests, at_once=1)
    time.sleep(0.05)
    return [after - earlier for after, earlier in zip(counts(), before)]


def h2load(url, headers, requests, at_once):
    """What h2load tells of requests over one connection of HTTP/2, all of which must be answered well."""
    flags = [flag for name, value in headers for flag in ("--header", f"{name}: {value}")]
    command = [tool("h2load"), f"-n{requests}", "-c1", f"-m{at_once}", *flags, url]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    if f"{requests} 2xx" not in told:
        raise RuntimeError(f"h2load: {told}")
    return told
