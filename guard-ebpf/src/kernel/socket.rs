//! Sockets and their peers.

use super::{File, fields, kernel_pointer, offset, raw};

kernel_pointer! {
    /// `struct socket`.
    Socket;
    /// `struct sock`.
    Sock;
    /// `struct msghdr`.
    Msghdr;
}

fields!(Socket {
    sock_or_null: Sock = OFF_SOCKET_SK;
    /// What its descriptors stand for; null for the kernel's own.
    file: File = OFF_SOCKET_FILE;
});

impl Socket {
    /// The protocol's half of the socket; none while it is being torn down.
    #[inline(always)]
    pub fn sock(self) -> Option<Sock> {
        self.sock_or_null().checked()
    }
}

fields!(Sock {
    family: u16 = OFF_SOCK_FAMILY;
    protocol: u16 = OFF_SOCK_PROTOCOL;
    /// The peer's port, in network byte order; 0 while there is no peer.
    peer_port: u16 = OFF_SOCK_DPORT;
    peer_v4: [u8; 4] = OFF_SOCK_DADDR;
    /// Its own port, in the machine's byte order.
    local_port: u16 = OFF_SOCK_NUM;
    local_v4: [u8; 4] = OFF_SOCK_RCV_SADDR;
});

impl Sock {
    /// Its own IPv6 address.
    #[inline(always)]
    pub fn local_v6(self) -> Option<[u8; 16]> {
        raw::try_read(self.address() + offset::OFF_SOCK_V6_RCV_SADDR)
    }

    /// The peer's IPv6 address.
    #[inline(always)]
    pub fn peer_v6(self) -> Option<[u8; 16]> {
        raw::try_read(self.address() + offset::OFF_SOCK_V6_DADDR)
    }
}

fields!(Msghdr {
    /// Address of the kernel's copy of the peer's address; 0 where the call named none.
    name: u64 = OFF_MSGHDR_NAME;
    name_len: i32 = OFF_MSGHDR_NAMELEN;
    /// Address of the kernel's copy of what stands beside the data.
    control: u64 = OFF_MSGHDR_CONTROL;
    control_len: u64 = OFF_MSGHDR_CONTROLLEN;
});
