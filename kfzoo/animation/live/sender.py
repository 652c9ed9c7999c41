"""`Sender`: the frames of a face as UDP packets, each when it is due."""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kfzoo.errors import InputError

_log = logging.getLogger(__name__)


class Packets(Protocol):
    """A protocol: what is sent for a frame.

    Attributes:
        port: Where receivers usually listen.
    """

    port: int

    def packets(self, face: NDArray[np.floating], frame: int) -> Sequence[bytes]:
        """Returns the packets of a frame; `face` is (61,) in Live Link order."""
        ...


class Sent(NamedTuple):
    """What became of the frames.

    Attributes:
        frames: Sent.
        left_out: Not sent, as the next one was due already.
        latest: Most seconds by which a frame was late.
    """

    frames: int
    left_out: int
    latest: float


class Sender:
    """Sends frames to one receiver.

    Args:
        protocol: What is sent.
        host: Name or address of the receiver.
        port: By default where receivers of the protocol usually listen.

    Raises:
        InputError: For a host that is not known, and a port out of range.
    """

    def __init__(self, protocol: Packets, host: str, port: int | None = None) -> None:
        self.protocol, self.host = protocol, host
        self.port = protocol.port if port is None else port
        if not 0 < self.port < 65536:
            raise InputError("--port", f"is {self.port}, expected 1 to 65535", f"{protocol.port} is usual")
        self._heard = True
        try:
            family, kind, number, _, address = socket.getaddrinfo(host, self.port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, number)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.connect(address)
        except (OSError, UnicodeError) as error:
            problem = f"{host} cannot be reached ({getattr(error, 'strerror', None) or error})"
            raise InputError("--host", problem, "give the address of the computer that receives") from None

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, face: NDArray[np.floating], frame: int) -> None:
        """Sends one frame now.

        Args:
            face: (61,) in Live Link order.
            frame: Its number.

        Raises:
            InputError: When the network does not take it.
        """
        for packet in self.protocol.packets(face, frame):
            try:
                self._socket.send(packet)
            except ConnectionRefusedError:  # the answer to an earlier packet: no program has the port open
                if self._heard:
                    _log.warning("nothing listens at %s:%d yet; sending goes on", self.host, self.port)
                self._heard = False
            except OSError as error:
                raise InputError("--host", f"{self.host} cannot be sent to ({error.strerror})") from None

    def play(self, curves: NDArray[np.floating], fps: float, *, delay: float = 0.0, loop: bool = False) -> Sent:
        """Sends curves at their rate. Each frame's time is counted from the start, so that delays do not add up.

        Args:
            curves: (T, 61).
            fps: Frames a second.
            delay: Seconds before the first frame.
            loop: Whether the first frame follows the last, until Ctrl-C.

        Raises:
            InputError: For a negative delay, and what `send` raises.
        """
        if not 0 <= delay < math.inf:
            raise InputError("--delay", f"is {delay:g}, expected 0 seconds or more")
        start, frame, sent, latest = time.monotonic() + delay, 0, 0, 0.0
        try:
            while loop or frame < len(curves):
                wait = start + frame / fps - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                latest = max(latest, time.monotonic() - start - frame / fps)
                self.send(curves[frame % len(curves)], frame)
                sent += 1
                # Frames that are over are left out, but for the last, which is the pose that stays.
                due = math.floor((time.monotonic() - start) * fps)
                frame = max(frame + 1, due if loop else min(due, len(curves) - 1))
        except KeyboardInterrupt:
            if not loop:
                raise
        return Sent(sent, frame - sent, latest)
