"""Raw and packet sockets."""
import socket
import struct

from attack import datagram_to, peer

ETH_P_IP, EVERYBODY = 0x0800, b"\xff" * 6


def packet_to(source, to):
    """A whole IPv4 packet with a datagram in it, as it goes over the link."""
    host, port = peer(to)
    datagram = datagram_to(port)

    def header(checksum):
        addresses = socket.inet_aton(peer(source)[0]) + socket.inet_aton(host)
        length = 20 + len(datagram)
        return struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, checksum) + addresses

    total = sum(struct.unpack(">10H", header(0)))
    total = (total & 0xffff) + (total >> 16)
    return header(~(total + (total >> 16)) & 0xffff) + datagram


def datagram(to):
    """A UDP header made by hand, through a raw socket."""
    host, port = peer(to)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.sendto(datagram_to(port), (host, 0))


def whole(source, to):
    """A raw socket of no protocol: the packet brings its own IPv4 header."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(packet_to(source, to), (peer(to)[0], 0))


def on_link(link, source, to):
    """Past IPv4 as a whole: a packet for everybody on the link, whoever its header names."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
        sock.sendto(packet_to(source, to), (link, ETH_P_IP, 0, 0, EVERYBODY))


def as_frame(link, source, to):
    """The same with the link's header made by hand too, from a socket that needs to name no peer."""
    frame = EVERYBODY + b"\x02guard" + struct.pack(">H", ETH_P_IP)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((link, ETH_P_IP))
        sock.send(frame + packet_to(source, to))
