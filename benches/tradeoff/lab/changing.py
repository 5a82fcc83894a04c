"""What a token that changes costs over HTTP/2: a client with a jar, whose every tenth request changes the session, through a
relay that counts. Its encoder is hpack's, which keeps all that fits into HPACK's table, cookies too, as browsers' do."""

import contextlib
import socket

from cost import relay
from servers import HaProxy, Load, Node, login

ROWS = ["bytes", "system", "change_every", "up", "down"]
REQUESTS = 200
# One request of so many changes the session; 0 for none.
EVERY = (0, 10, 2)


def measure(lab):
    rows = []
    with contextlib.ExitStack() as stack:
        nodes = {system: stack.enter_context(Node(lab.folder, lab.program, system)) for system in ("sealed", "memory")}
        balancer = stack.enter_context(HaProxy(lab.folder, {system: [node] for system, node in nodes.items()}))
        for size in lab.sizes:
            for system in nodes:
                one, two = balancer.fronts[system]
                load = Load(lab.program, one, "--bytes", size, "--users", 1, "--connections", 1)
                load.drop()
                if not load.carried:
                    continue
                for every in EVERY:
                    with relay(lab, two) as (address, counts):
                        asked(address, jar_of(login(one, size)), every)
                        up, down = counts()
                    rows.append([size, system, every, f"{up / REQUESTS:.1f}", f"{down / REQUESTS:.1f}"])
        lab.say("changing: tokens that change over HTTP/2")
    lab.write("changing", ROWS, rows)


def jar_of(headers):
    return dict(value.split("=", 1) for _, value in headers)


def asked(address, jar, every):
    """Requests one after the other on one connection, with what the answers say of the cookies."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, ResponseReceived, StreamEnded
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 10) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        connection.initiate_connection()
        for number in range(REQUESTS):
            stream = connection.get_next_available_stream_id()
            path = "/change" if every and number % every == every - 1 else "/"
            head = [(":method", "GET"), (":scheme", "http"), (":authority", "lab.test"), (":path", path)]
            # A field for each cookie, which may then be in the table by itself (RFC 9113, section 8.2.3).
            head += [("cookie", f"{name}={value}") for name, value in jar.items()]
            connection.send_headers(stream, head, end_stream=True)
            wire.sendall(connection.data_to_send())
            ended = False
            while not ended:
                received = wire.recv(65536)
                if not received:
                    raise RuntimeError("the connection ended")
                for event in connection.receive_data(received):
                    if isinstance(event, ResponseReceived):
                        headers = event.headers
                        if dict(headers)[":status"] != "200":
                            raise RuntimeError(f"{path}: {headers}")
                        for name, value in headers:
                            if name == "set-cookie":
                                keep(jar, value)
                    elif isinstance(event, DataReceived):
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, StreamEnded):
                        ended = True
                wire.sendall(connection.data_to_send())


def keep(jar, said):
    name, value = said.split(";")[0].split("=", 1)
    if value and "max-age=0" not in said.lower():
        jar[name] = value
    else:
        jar.pop(name, None)
