"""Serves Cognee for the tests: python serve.py <port>. Ends with its parent, however that ends, and takes its database workers along."""

import logging
import os
import signal
import socket
import sys
import threading


def end_with_parent() -> None:
    sys.stdin.read()  # The parent never writes: this ends when the parent does.
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()

# Bound before the ten seconds that loading takes, in which somebody else could be given the port.
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))

import uvicorn  # noqa: E402
from cognee.api.client import app  # noqa: E402

# Cognee writes its log twice. On the terminal it paints each traceback, which holds the whole server up for seconds (measured: the failed run
# of eight documents took 61 s with it, see docs/decisions/0013); its file has the same in plain.
for handler in logging.getLogger().handlers:
    if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
        handler.setLevel(logging.CRITICAL)

uvicorn.Server(uvicorn.Config(app)).run(sockets=[listener])
