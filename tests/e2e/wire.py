"""HTTP by hand, for what an SDK hides or would not send. Every byte that comes back is searched for
the keys of canaries.py."""

import json
import socket
import ssl

import canaries

JSON = "Content-Type: application/json\r\n"
USER = [{"role": "user", "content": "How high is the tide?"}]


def chat_body(model, stream=False, **more):
    return json.dumps({"model": model, "stream": stream, "messages": USER, **more}).encode()


def chat_request(model, stream=False, headers="", key=canaries.CLIENT_KEY, body=None, **more):
    """The bytes of a chat completion."""
    body = chat_body(model, stream, **more) if body is None else body
    return post("/v1/chat/completions", body, headers, key)


def post(path, body, headers="", key=canaries.CLIENT_KEY):
    auth = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{JSON}{auth}{headers}"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def put(path, body, headers="", key=canaries.CLIENT_KEY):
    return b"PUT" + post(path, body, headers, key)[4:]


def get(path, headers="", key=None):
    auth = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{auth}{headers}\r\n".encode()


class Reply:
    """A whole response. `ended` is False when the body broke off."""

    def __init__(self, status, headers, body, ended):
        self.status = status
        self.headers = headers
        self.body = body
        self.ended = ended

    def __getitem__(self, name):
        return self.headers.get(name.lower())

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]

    @property
    def code(self):
        return self.error["code"]

    def events(self):
        """The data of its SSE events."""
        assert self["content-type"].startswith("text/event-stream"), (self.status, self.body)
        return data_of(self.body)

    def text(self):
        """What a stream or a plain answer says."""
        if not self["content-type"].startswith("text/event-stream"):
            return self.json()["choices"][0]["message"]["content"]
        return text_of(self.events())


def data_of(body):
    """The data of the events of a stream, strict about their form: LF, one data line, no id or
    retry, a blank line behind each."""
    blocks = body.decode().split("\n\n")
    assert blocks.pop() == "", body[-200:]
    data = []
    for block in blocks:
        lines = [line for line in block.split("\n") if not line.startswith((":", "event: "))]
        assert len(lines) <= 1 and "\r" not in block, block
        assert all(line.startswith("data: ") for line in lines), block
        data += [line[6:] for line in lines]
    return data


def text_of(events):
    text = ""
    for event in events:
        chunk = json.loads(event) if event != "[DONE]" else {}
        for choice in chunk.get("choices", []):
            text += choice["delta"].get("content") or ""
    return text


class Wire:
    """A connection. `port` may also be a Sluice, or a host and a port."""

    def __init__(self, port, tls=None, receive_bytes=None, timeout=15):
        port = getattr(port, "port", port)
        address = port if isinstance(port, tuple) else ("127.0.0.1", port)
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reset(self):
        """Leaves by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, data, head=False):
        self.send(data)
        return self.reply(head)

    def line(self):
        line = self.file.readline(1 << 20)
        canaries.assert_none_in(line, "head of an answer")
        return line

    def head(self):
        """Status and headers; (0, {}) when the peer closed instead."""
        line = self.line()
        if not line:
            return 0, {}
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (field := self.line()) not in (b"\r\n", b""):
            name, value = field.decode().rstrip("\r\n").split(": ", 1)
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        return int(line.split()[1]), headers

    def reply(self, head=False):
        """The next response, interim ones skipped; status 0 when the peer closed instead."""
        status, headers = self.head()
        while 100 <= status < 200:
            status, headers = self.head()
        if head or status in (0, 204, 304):
            return Reply(status, headers, b"", True)
        body, ended = self.body(headers)
        canaries.assert_none_in(body, "body of an answer")
        return Reply(status, headers, body, ended)

    def body(self, headers):
        if headers.get("transfer-encoding") == "chunked":
            return self.chunks()
        size = int(headers["content-length"])
        try:
            body = self.file.read(size)
        except ConnectionResetError:
            return b"", False
        return body, len(body) == size

    def chunk(self):
        """The next chunk of a body; empty at its end; None when it broke off."""
        try:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                return None
            size = int(line, 16)
            chunk = self.file.read(size + 2)
        except ConnectionResetError:
            return None
        return chunk[:-2] if len(chunk) == size + 2 else None

    def chunks(self):
        body = b""
        while chunk := self.chunk():
            body += chunk
        return body, chunk == b""

    def until(self, text):
        """Reads chunks until their bytes hold `text`."""
        body = b""
        while text not in body:
            chunk = self.chunk()
            assert chunk, body
            body += chunk
        return body

    def rest(self):
        """All bytes up to the end of the connection."""
        data = b""
        try:
            while part := self.file.read1(1 << 16):
                data += part
        except ConnectionResetError:
            pass
        canaries.assert_none_in(data, "rest of a connection")
        return data

    def closed(self):
        """Whether the peer closes, with nothing more to say."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def ask(port, data, **options):
    """One request on a connection of its own."""
    with Wire(port, **options) as wire:
        return wire.ask(data)


def tls_context(ca):
    return ssl.create_default_context(cafile=str(ca))
