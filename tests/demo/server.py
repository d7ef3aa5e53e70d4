"""The demo's server that no agent may reach: counts TCP connections and datagrams, v4 and v6, on one port.

Answers each line on its input with its counts.
"""
import json
import socket
import sys


def main():
    port = int(sys.argv[1])
    tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", port))
    tcp.setblocking(False)
    udp.setblocking(False)
    counts = {"tcp4": 0, "tcp6": 0, "udp4": 0, "udp6": 0}
    print("ready", flush=True)
    for _ in sys.stdin:
        for kind, take in (("tcp", tcp.accept), ("udp", lambda: udp.recvfrom(2048))):
            try:
                while True:
                    peer = take()[1][0]
                    counts[kind + ("4" if peer.startswith("::ffff:") else "6")] += 1
            except BlockingIOError:
                pass
        print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
