"""Two ways in which packets get lost between programs on one machine.

Lost: a network namespace of our own with a TUN device, the packets of which come to this process. It
sends each back with its two addresses exchanged, so that whoever connects to FAR reaches what listens
here, and drops every tenth. TCP does the rest, as on a bad line. Needs user namespaces and /dev/net/tun.

Late: a proxy, for kernels without these. It stops, splits and delays what it passes on at random, which
is how retransmission looks from a socket: the right bytes in the right order, but late."""

import ctypes
import fcntl
import os
import random
import socket
import struct
import threading
import time

HERE = "10.95.0.1"
FAR = "10.95.0.2"
SEED = 95

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
SIOCSIFADDR = 0x8916
SIOCSIFNETMASK = 0x891C
TUNSETIFF = 0x400454CA
IFF_UP = 1
IFF_TUN_WITHOUT_HEADER = 0x1001
PACKET_BYTES = 65536


def namespace():
    """This process and its children get a network of their own. Raises OSError when it may not."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def address(name, host):
    return struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(host))


def configure(name, host=None):
    """Brings an interface up, with an address of a /24."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        if host:
            fcntl.ioctl(any_socket, SIOCSIFADDR, address(name, host))
            fcntl.ioctl(any_socket, SIOCSIFNETMASK, address(name, "255.255.255.0"))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", name, IFF_UP))


class Lost:
    """FAR is this machine, behind a link that loses `share` of all packets in both directions. The link
    is a process of its own: `counts` is shared with it."""

    def __init__(self, share):
        namespace()
        configure(b"lo")  # first: whoever cannot have the rest goes on without it
        self.tun = os.open("/dev/net/tun", os.O_RDWR)  # it is of the network in which it is opened
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"loss", IFF_TUN_WITHOUT_HEADER))
        configure(b"loss", HERE)
        self.read_end, write_end = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                self.carry(share, write_end)
            finally:
                os._exit(0)
        os.close(write_end)

    def carry(self, share, write_end):
        chance = random.Random(SEED)
        while True:
            packet = os.read(self.tun, PACKET_BYTES)
            if packet[0] >> 4 != 4:
                continue  # the kernel looks for neighbours by IPv6
            if chance.random() < share:
                os.write(write_end, b".")
                continue
            # The checksums are sums over both addresses: they stay right.
            os.write(self.tun, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])

    def address_of(self, port):
        return FAR, port

    def end(self):
        """Gives how many packets were lost."""
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        with open(self.read_end, "rb") as file:
            return len(file.read())


class Late:
    """A proxy before each port that is asked for; `share` of the pieces that it passes on are late."""

    def __init__(self, share):
        self.share = share
        self.count = 0
        self.lock = threading.Lock()

    def address_of(self, port):
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, args=(server, port), daemon=True).start()
        return server.getsockname()

    def accept(self, server, port):
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far), (far, near)):
                pair[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, to):
        chance = random.Random(SEED)
        try:
            while piece := source.recv(chance.randint(1, 1448)):
                if chance.random() < self.share:
                    with self.lock:
                        self.count += 1
                    time.sleep(chance.uniform(0.05, 0.3))  # a retransmission timeout
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            to.close()

    def end(self):
        """Gives how many pieces were late."""
        return self.count
