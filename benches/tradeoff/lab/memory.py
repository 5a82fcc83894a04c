"""Memory of the server side, by sessions that are kept."""

import contextlib

from servers import AROUND, SYSTEMS, Load, Node, request, resident, store, write_peers

ROWS = ["system", "sessions", "state_bytes", "app_bytes", "store_bytes", "disk_bytes"]
STATE = 1024
SYSTEMS_WITH_MEMORY = ("sealed", "memory", "redis", "memcached", "mariadb", "pairs")
# What fills slowly, or not at all, is asked for less.
MOST = {"mariadb": 100_000, "sealed": 10_000, "pairs": 100_000}


def measure(lab):
    rows = []
    for system in SYSTEMS_WITH_MEMORY:
        with contextlib.ExitStack() as stack:
            kept = store(stack, system, lab.folder)
            node = Node(lab.folder, lab.program, system, kept, lifetime=86_400)
            others = [Node(lab.folder, lab.program, "pairs", number=2, processor=AROUND)] if system == "pairs" else []
            write_peers(lab.folder, [node, *others])
            for server in [node, *others]:
                stack.enter_context(server)
            around = [server.process for server in ([kept] if kept else others)]
            have = 0
            for sessions in (number for number in lab.sessions if number <= MOST.get(system, number)):
                fill(lab, system, node, sessions - have)
                have = sessions
                rows.append([system, sessions, STATE, resident(node.process), resident(*around),
                             kept.files() if system == "mariadb" else 0])
        lab.say(f"memory: {SYSTEMS[system]['name']}")
    lab.write("memory", ROWS, rows)


def fill(lab, system, node, sessions):
    """Sessions that nobody comes back to; a node without a place for them has them begun by users."""
    if system == "sealed":
        load = Load(lab.program, node.address, "--users", sessions, "--bytes", STATE)
        load.drop()
        assert load.carried, load.why
        return
    answer = request(node.address, "GET", f"/fill/{sessions}/{STATE}", patience=1800)
    assert answer.status == 200, (system, answer)
