"""Portkey's gateway in Node. Where a request goes is said by its headers."""

from scenarios.harness import BUILD_DIR, CannotMeasure, free_port

FOLDER = BUILD_DIR / "peers" / "portkey" / "node_modules" / "@portkey-ai" / "gateway"


def start(place, mock):
    server_file = FOLDER / "build" / "start-server.js"
    if not server_file.exists():
        raise CannotMeasure("Portkey is not installed (bench/peers/install portkey)")
    port = free_port()
    server = place.start(["node", str(server_file), f"--port={port}", "--headless"],
                         f"http://127.0.0.1:{port}", "portkey")
    server.wait_until_ready("/")
    server.headers = ["x-portkey-provider: openai", f"x-portkey-custom-host: {mock.url}/v1"]
    return server
