"""What a webhook posts to, as tests use it.

    with Receiver() as receiver:
        receiver.answers = [500, 500]          # then 200s
        first = receiver.wait(1)[0]            # every try, in the order of arrival
        first.kind, first.event["reason"], first.delivery"""

import http.server
import json
import re
import ssl
import threading
import time

from canaries import CANARIES

SECRET = "whsec-canary-4c1f7e0a93d5"
PATH = "/hooks/a-canary-path-7d2e"
PATIENCE_S = 15
assert any(part in SECRET and part in PATH for part in CANARIES), "both are searched for in what the gateway says"


class Post:
    """One try."""

    def __init__(self, path, headers, body):
        self.at = time.monotonic()
        self.path = path
        self.headers = headers
        self.body = body
        self.event = json.loads(body)
        self.kind = headers["X-Sluice-Event"]
        self.delivery = headers["X-Sluice-Delivery"]
        self.signature = headers["X-Sluice-Signature"]

    @property
    def id(self):
        return self.event["id"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1 # head and body in one write

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = receiver.take(Post(self.path, self.headers, body))
        receiver.open.wait(PATIENCE_S)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", receiver.url + "/elsewhere")
        self.send_header("Content-Length", str(len(receiver.says)))
        self.end_headers()
        try:
            self.wfile.write(receiver.says)
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """The gateway may leave at any time."""


class Receiver:
    def __init__(self, port=0, certificate=None):
        self.posts = []
        self.answers = []   # statuses of the next ones
        self.status = 200   # of all after them
        self.says = b"ok"
        self.more = threading.Condition()
        self.open = threading.Event()  # cleared: it takes what comes, and does not answer
        self.open.set()
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.receiver = self
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}{PATH}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def take(self, post):
        with self.more:
            self.posts.append(post)
            self.more.notify_all()
            return self.answers.pop(0) if self.answers else self.status

    def wait(self, count):
        with self.more:
            self.more.wait_for(lambda: len(self.posts) >= count, PATIENCE_S)
            assert len(self.posts) >= count, f"{len(self.posts)} posts, not {count}"
            return list(self.posts)

    def wait_for(self, event):
        """Waits for the event of that number; gives all tries until then."""
        with self.more:
            self.more.wait_for(lambda: event in [post.id for post in self.posts], PATIENCE_S)
            assert event in [post.id for post in self.posts], event
            return list(self.posts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def snippet(text, language):
    """The lines of the block of that language behind the heading of the webhooks in README.md."""
    chapter = text[text.index("\n## Webhooks\n"):]
    return re.search(rf"```{language}\n(.*?)```", chapter, re.DOTALL).group(1)
