"""TLS in front of a fake provider: what comes over it goes on in clear text, and back."""

import asyncio
import contextlib
import ssl
import threading

PART = 64 * 1024


async def pump(reader, writer, drop=b""):
    """Copies until the end, which stays what it was: a close or a reset. Leaves `drop` out."""
    try:
        while part := await reader.read(PART):
            writer.write(part.replace(drop, b""))
            await writer.drain()
        writer.close()
    except (OSError, RuntimeError):  # the other direction may have closed it
        writer.transport.abort()


class TlsFront:
    """Listens on a port of its own until it is left. `url` is its address."""

    def __init__(self, mock, certificate):
        self.mock = mock
        self.loop = asyncio.new_event_loop()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        self.server = self.loop.run_until_complete(asyncio.start_server(
            self.serve, "127.0.0.1", 0, ssl=self.context, ssl_shutdown_timeout=1))
        self.url = f"https://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.mock.port)
            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
