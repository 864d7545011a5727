#!/usr/bin/env python3
"""TCP connections, one after the other: the time that each takes.

usage: connects.py serve PORT                 prints "listening", then takes what comes
       connects.py ask ADDRESS PORT COUNT     prints the nanoseconds of each, connect(2) and close(2) together
"""

import socket
import sys
import time

# More than anybody asks for in one go: nobody waits for this program, which is not what is measured.
BACKLOG = 4096


def serve(port):
    with socket.create_server(("0.0.0.0", port), backlog=BACKLOG) as listener:
        print("listening", flush=True)
        while True:
            listener.accept()[0].close()


def ask(address, port, count):
    for _ in range(count):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(5)
        began = time.perf_counter_ns()
        connection.connect((address, port))
        connection.close()
        print(time.perf_counter_ns() - began)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"] and len(sys.argv) == 3:
        serve(int(sys.argv[2]))
    elif sys.argv[1:2] == ["ask"] and len(sys.argv) == 5:
        ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(__doc__)
