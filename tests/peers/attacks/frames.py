"""HTTP/2's frames (RFC 9113, section 6) and HPACK without a table (RFC 7541), as bytes: enough to attack with."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x01
END_HEADERS = 0x04
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENHANCE_YOUR_CALM = 11


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A header field that goes into no table."""
    return b"\0" + length(len(name)) + name + length(len(value)) + value


def length(number):
    """An integer with a prefix of 7 bits."""
    if number < 127:
        return bytes((number,))
    number, coded = number - 127, b"\x7f"
    while number >= 128:
        coded += bytes((number % 128 + 128,))
        number //= 128
    return coded + bytes((number,))


def fields(target, path):
    """The header block of a POST with a credential."""
    pairs = [(b":path", path.encode()), (b":authority", b"saddlebag")]
    pairs += [(b"content-type", b"application/json"), (b"authorization", f"Bearer {target.credential}".encode())]
    # `:method: POST` and `:scheme: http`, from the static table.
    return b"\x83\x86" + b"".join(literal(*pair) for pair in pairs)


class Frames:
    """Takes frames out of what comes."""

    def __init__(self):
        self.rest = b""

    def took(self, piece):
        self.rest += piece
        while len(self.rest) >= 9:
            size = 9 + int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < size:
                return
            whole, self.rest = self.rest[:size], self.rest[size:]
            yield whole[3], whole[4], int.from_bytes(whole[5:9], "big"), whole[9:]
