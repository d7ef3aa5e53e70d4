"""Connects to unix sockets, which a shell cannot do, and goes on as what it is told, holding the connections.

holder.py FIRST KIND:NAME... -- COMMAND...: descriptors are numbered from FIRST.
"""
import os
import socket
import sys

KINDS = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET}

first, words = int(sys.argv[1]), sys.argv[2:]
end = words.index("--")
for number, word in enumerate(words[:end], first):
    kind, name = word.split(":")
    connection = socket.socket(socket.AF_UNIX, KINDS[kind])
    connection.connect(name)
    os.dup2(connection.fileno(), number)
os.execvp(words[end + 1], words[end + 1:])
