"""Cuts the TCP connections of process groups to the outside, as a snapshot of their machine does.

    python3 connections.py host:port group...

Connections to host:port, the Runtime API, stay, and so do those among the processes. All others are reset. Prints one
line: how many were cut, a tab, and why others could not be cut. Standard library only; Linux only.
"""

import ctypes
import ipaddress
import os
import sys

# The numbers are those of every architecture.
PIDFD_OPEN, PIDFD_GETFD = 434, 438
LISTENING, TIME_WAIT, CLOSED = "0A", "06", "07"
STAYS_OPEN = "connections to the outside stay open: "

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def address(text):
    """Reads an address of /proc/net/tcp: words in the byte order of the machine."""
    host, port = text.split(":")
    words = (int(host[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(host), 8))
    ip = ipaddress.ip_address(b"".join(words))
    return getattr(ip, "ipv4_mapped", None) or ip, int(port, 16)


def members(groups):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                # The name of the program is in brackets, and may have spaces.
                if int(file.read().rpartition(")")[2].split()[2]) in groups:
                    yield int(name)
        except OSError:
            pass


def connections(pid):
    """The connections of a process by their inodes: both ends, and a descriptor of that process."""
    descriptors = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            descriptors[target[8:-1]] = int(name)
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}") as file:
                lines = file.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
            if inode in descriptors and state not in (LISTENING, TIME_WAIT, CLOSED):
                yield inode, (address(local), address(remote), pid, descriptors[inode])


def cut(pid, descriptor):
    process = checked(libc.syscall(PIDFD_OPEN, pid, 0))
    try:
        socket = checked(libc.syscall(PIDFD_GETFD, process, descriptor, 0))
        try:
            # A connect to no address (AF_UNSPEC) resets the connection, also for the process that has it.
            checked(libc.connect(socket, bytes(16), 16))
        finally:
            os.close(socket)
    finally:
        os.close(process)


def main():
    host, _, port = sys.argv[1].rpartition(":")
    runtime_api = ipaddress.ip_address(host), int(port)
    found, count, problem = {}, 0, ""
    for pid in members({int(group) for group in sys.argv[2:]}):
        try:
            found.update(connections(pid))
        except FileNotFoundError:
            # The process has ended since it was listed.
            pass
        except OSError as error:
            problem = STAYS_OPEN + error.strerror
    inside = {(local, remote) for local, remote, _, _ in found.values()}
    for local, remote, pid, descriptor in found.values():
        if remote == runtime_api or (remote, local) in inside:
            continue
        try:
            cut(pid, descriptor)
            count += 1
        except OSError as error:
            problem = STAYS_OPEN + error.strerror
    print(count, problem, sep="\t")


main()
