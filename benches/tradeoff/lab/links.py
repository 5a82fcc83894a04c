"""Time on thin links: a page of thirty requests, by Toxiproxy with the rates and delays of WebPageTest's profiles."""

import contextlib
import re
import threading

from cost import h2load
from servers import AROUND, HaProxy, Load, Node, cached, free, listens, login, request, start, stop, wait_for

# Kilobytes a second up and down, milliseconds of a round trip (WebPageTest: "3G", "4G" and "Cable").
LINKS = {
    "3g": {"name": "3G", "up": 96, "down": 200, "rtt": 300},
    "4g": {"name": "4G", "up": 1125, "down": 1125, "rtt": 170},
    "cable": {"name": "cable", "up": 125, "down": 625, "rtt": 28},
}
REQUESTS, CONNECTIONS = 30, 6
# What the requests of the page carry: the token all of them, or one of five, an id, or nothing.
CARRIED = ("sealed", "needed", "memory", "nothing")
# h2load sends the same headers with every request.
CARRIED_BY_ONE = ("sealed", "memory", "nothing")
ROWS = ["round", "link", "http", "carrier", "bytes", "milliseconds"]


def measure(lab):
    rows = []
    with contextlib.ExitStack() as stack:
        nodes = {system: stack.enter_context(Node(lab.folder, lab.program, system)) for system in ("sealed", "header", "memory")}
        balancer = stack.enter_context(HaProxy(lab.folder, {system: [node] for system, node in nodes.items()}))
        control = free()
        host, port = control.split(":")
        stack.callback(stop, start([cached("toxiproxy-server", "TOXIPROXY_BIN", "toxiproxy"), "-host", host, "-port", port], AROUND))
        wait_for("Toxiproxy listens", lambda: listens(control))
        threads, failures = [], []
        for link in LINKS:
            for http in (1, 2):
                fronts = {system: through(control, link, f"{link}-{system}-{http}", balancer.fronts[system][http - 1])
                          for system in nodes}
                run = threading.Thread(target=guarded, args=(failures, pages, lab, rows, link, http, fronts, balancer))
                run.start()
                threads.append(run)
        for run in threads:
            run.join()
    if failures:
        raise failures[0]
    lab.write("links", ROWS, sorted(rows))


def guarded(failures, work, *arguments):
    try:
        work(*arguments)
    except Exception as failure:
        failures.append(failure)


def through(control, link, name, to):
    """An address from which a link leads to another."""
    address, about = free(), LINKS[link]
    made = request(control, "POST", "/proxies", {"name": name, "listen": address, "upstream": to, "enabled": True})
    assert made.status == 201, made
    for way, stream in (("up", "upstream"), ("down", "downstream")):
        for kind, attributes in (("latency", {"latency": about["rtt"] // 2}), ("bandwidth", {"rate": about[way]})):
            toxic = {"name": f"{kind}-{way}", "type": kind, "stream": stream, "attributes": attributes}
            made = request(control, "POST", f"/proxies/{name}/toxics", toxic)
            assert made.status == 200, made
    return address


def pages(lab, rows, link, http, fronts, balancer):
    for number in range(lab.link_rounds):
        for carrier in CARRIED if http == 1 else CARRIED_BY_ONE:
            for size in lab.sizes if carrier in ("sealed", "needed") else lab.sizes[:1]:
                took = page(lab, http, fronts, balancer, carrier, size)
                if took is not None:
                    rows.append([number, link, http, carrier, size, f"{took:.1f}"])
        lab.say(f"links: {LINKS[link]['name']}, HTTP/{http}, round {number + 1}")


def page(lab, http, fronts, balancer, carrier, size):
    """Milliseconds of one page, or `None` where the session is not carried."""
    system = {"needed": "header", "nothing": "header"}.get(carrier, carrier)
    share = {"needed": 5, "nothing": 1000}.get(carrier, 1)
    if http == 1:
        flags = ["--header"] if system == "header" else []
        load = Load(lab.program, fronts[system], "--login-at", balancer.fronts[system][0], "--bytes", size, "--change", 0,
                    "--users", CONNECTIONS, "--connections", CONNECTIONS, "--requests", REQUESTS // CONNECTIONS,
                    "--one-of", share, "--seconds", 120, *flags)
        if not load.carried:
            load.drop()
            return None
        told = load.run()
        assert told["right"] == REQUESTS, told
        return told["seconds"] * 1000
    front = balancer.fronts[system][0]
    if not carried(front, size, system):
        return None
    nothing = carrier == "nothing"
    headers = [] if nothing else login(front, size)
    path = "/plain" if nothing else "/"
    return seconds(h2load(f"http://{fronts[system]}{path}", headers, REQUESTS, at_once=REQUESTS)) * 1000


def carried(front, size, system):
    """Whether a browser and the way to the node carry it."""
    try:
        headers = login(front, size, header=system == "header")
    except RuntimeError:
        return False
    if any(len(value) > 4096 for _, value in headers if system != "header"):
        return False
    name = headers[0][0] if headers else "cookie"
    return request(front, "GET", "/", headers={name: "; ".join(value for _, value in headers)}).status == 200


def seconds(told):
    """h2load's own clock."""
    number, unit = re.search(r"finished in ([\d.]+)(us|ms|s|min)", told).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60}[unit]
