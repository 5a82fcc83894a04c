"""What is lost when something breaks: three nodes behind HAProxy, users who know their counters, and a fault."""

import contextlib
import time

from servers import STORES, SYSTEMS, HaProxy, Load, Node, request, store, write_peers

FAULTS = {
    "nothing": "nothing",
    "kill one": "kill -9 of one node of three",
    "kill two": "kill -9 of two nodes of three",
    "kill store": "kill -9 of the store, which comes back after a second",
    "restart": "restart of all nodes in turn, as told",
    "add": "a fourth node is added",
    "remove": "a node of three is removed, as told",
    "expire": "the users come back after the sessions' end",
    "evict": "the store's memory is filled",
}
ROWS = ["system", "fault", "users", "requests", "lost", "wrong", "failed", "well_after_seconds"]
COURSE = ["system", "fault", "tenth", "right", "lost", "wrong", "failed"]
BYTES = 1024
# Megabytes of a store that is filled, and the sessions that fill it well over its brim.
SMALL, FILL = {"redis": 16, "memcached": 64}, {"redis": 40_000, "memcached": 120_000}
# Seconds. memcached counts whole ones of its own clock, and all users have to come in before their sessions end.
LIFETIME = 4
CONNECTIONS = 20


def measure(lab):
    rows, course = [], []
    for system in SYSTEMS:
        for fault in lab.faults:
            if not applies(system, fault):
                continue
            row, seen = outcome(lab, system, fault)
            rows.append(row)
            course += seen
            lab.say(f"faults: {SYSTEMS[system]['name']}, {FAULTS[fault]}: {row[4]} lost, {row[5]} wrong, {row[6]} failed")
    lab.write("faults", ROWS, rows)
    lab.write("course", COURSE, course)


def applies(system, fault):
    """A system without a store has none to kill or to fill."""
    if fault == "kill store":
        return system in STORES
    return fault != "evict" or system in SMALL


def outcome(lab, system, fault):
    with contextlib.ExitStack() as stack:
        kept = store(stack, system, lab.folder, SMALL.get(system) if fault == "evict" else None)
        lifetime = LIFETIME if fault == "expire" else 900
        nodes = [Node(lab.folder, lab.program, system, kept, number, lifetime) for number in (1, 2, 3, 4)]
        there, spare = nodes[:3], nodes[3]
        write_peers(lab.folder, there)
        for node in there:
            stack.enter_context(node)
        stack.callback(spare.down)
        balancer = stack.enter_context(HaProxy(lab.folder, {system: nodes}, spare=[spare]))
        # All of them are up in HAProxy's eyes, too.
        time.sleep(0.5)
        # Who comes back asks once: whoever is let in has a session that should be over.
        once = ["--requests", lab.users // CONNECTIONS] if fault in ("expire", "evict") else []
        load = Load(lab.program, balancer.fronts[system][0], "--users", lab.users, "--connections", CONNECTIONS, "--bytes", BYTES,
                    "--rate", lab.fault_rate, "--seconds", lab.fault_seconds, *once, *SYSTEMS[system]["load"])
        if not load.carried:
            raise RuntimeError(f"{system}: {load.why}")
        if fault == "expire":
            time.sleep(LIFETIME + 1.5)
        if fault == "evict":
            assert request(nodes[0].address, "GET", f"/fill/{FILL[system]}/{BYTES}", patience=300).status == 200
        load.go()
        at = min(1.0, lab.fault_seconds / 4)
        if fault not in ("nothing", "expire", "evict"):
            time.sleep(at)
            act(fault, kept, nodes, balancer, system)
        told = load.told()
    if fault == "expire":
        # What should be over and is not is wrong; what is over is not lost.
        told["wrong"], told["lost"] = told["right"], 0
    seen = [[system, fault, tenth, *counts] for tenth, counts in told["course"]]
    bad = [tenth / 10 + 0.1 for tenth, (_, lost, wrong, failures) in told["course"] if lost + wrong + failures]
    well = max(0.0, max(bad, default=at) - at)
    return [system, fault, lab.users, told["requests"], told["lost"], told["wrong"], told["failed"], f"{well:.1f}"], seen


def act(fault, kept, nodes, balancer, system):
    """The fault itself."""
    one, two, three, spare = nodes
    if fault == "kill one":
        two.kill()
    elif fault == "kill two":
        one.kill()
        two.kill()
    elif fault == "kill store":
        kept.kill()
        time.sleep(1)
        kept.up()
    elif fault == "restart":
        for node in (one, two, three):
            drained(balancer, system, node)
            node.down()
            node.up()
            balancer.tell(f"set server {system}/n{node.number} state ready")
            time.sleep(0.5)
    elif fault == "add":
        write_peers(one.folder, nodes)
        spare.up()
        balancer.tell(f"set server {system}/n4 state ready")
    elif fault == "remove":
        drained(balancer, system, three)
        three.down()
        write_peers(one.folder, [one, two])


def drained(balancer, system, node):
    """As a deployment does it: HAProxy sends no more, and what is under way is answered."""
    balancer.tell(f"set server {system}/n{node.number} state maint")
    time.sleep(0.2)
