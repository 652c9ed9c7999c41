from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.live.live_link import LiveLinkPackets
from kfzoo.animation.live.sender import Sender
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take
from tests.animation.animations import sided, spoken
from tests.animation.live.decoders import live_link, osc
from tests.commandline import Capture, refusal, run


class Receiver:
    """Keeps what arrives at a port of this machine, with its time."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.3)
        self.port = int(self.socket.getsockname()[1])
        self.packets: list[tuple[float, bytes]] = []
        self.open = True

    def receive(self) -> None:
        while self.open:
            try:
                packet = self.socket.recv(65536)
            except TimeoutError:
                continue
            self.packets.append((time.monotonic(), packet))


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.receive)
    thread.start()
    try:
        yield made
        time.sleep(0.05)
    finally:
        made.open = False
        thread.join()
        made.socket.close()


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_frames_arrive_at_their_rate_without_drift(seconds: int) -> None:
    curves = np.tile(spoken(60).curves, (seconds, 1))
    began = time.monotonic()
    with receiver() as heard, Sender(LiveLinkPackets(60), "127.0.0.1", heard.port) as sender:
        sent = sender.play(curves, 60, delay=0.2)
    frames = [live_link(packet) for _, packet in heard.packets]
    numbers = np.array([frame["frame"] for frame in frames])
    times = np.array([at for at, _ in heard.packets])
    assert len(frames) == sent.frames
    assert sent.frames + sent.left_out == len(curves)
    assert sent.frames > 0.8 * len(curves)  # a busy machine may leave some out
    assert (np.diff(numbers) > 0).all()
    assert numbers[-1] == len(curves) - 1
    assert times[0] - began > 0.2
    late = times - times.min() - numbers / 60
    gaps = np.diff(times)
    print(f"{len(frames)} of {len(curves)}; gap {1e3 * gaps.mean():.2f} ms, most {1e3 * gaps.max():.1f} ms")
    quarter = len(late) // 4
    assert abs(np.median(late[-quarter:]) - np.median(late[:quarter])) < 1 / 60  # less than a frame of drift
    for frame, number in zip(frames, numbers, strict=True):
        assert frame["values"]["JawOpen"] == curves[number, 17]


def test_a_loop_goes_on_with_the_first_frame_until_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = spoken(5).curves
    with receiver() as heard, Sender(LiveLinkPackets(200), "127.0.0.1", heard.port) as sender:
        real = time.sleep

        def interrupted(wait: float) -> None:
            if len(heard.packets) > 12:
                raise KeyboardInterrupt
            real(wait)

        monkeypatch.setattr(time, "sleep", interrupted)
        sent = sender.play(curves, 200, loop=True)
        monkeypatch.undo()
    assert sent.frames > 12
    for _, packet in heard.packets:
        frame = live_link(packet)
        assert frame["values"]["JawOpen"] == curves[frame["frame"] % 5, 17]


@pytest.mark.parametrize("to", ["live-link", "vmc", "face-cap"])
def test_the_command_sends_a_take(to: str, tmp_path: Path, capsys: Capture) -> None:
    write_take(tmp_path / "take.csv", sided(60).curves[:20], fps=60)
    with receiver() as heard:
        assert run("play", tmp_path / "take.csv", "--to", to, "--port", heard.port) == 0
    assert f"20 frames, 0.3 s, to 127.0.0.1:{heard.port}" in capsys.readouterr().out
    decoded = [live_link(p) if to == "live-link" else list(osc(p)) for _, p in heard.packets]
    assert len(decoded) >= 15 * (2 if to == "vmc" else 1)


def test_a_receiver_that_is_not_there_yet_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    made = Receiver()
    made.socket.close()
    with Sender(LiveLinkPackets(100), "127.0.0.1", made.port) as sender:
        assert sender.play(spoken(20).curves, 100).frames > 10
    assert caplog.text.count("nothing listens at") == 1


def test_bad_input_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "take.csv"
    write_take(path, sided().curves, fps=30)
    for options, message in (
        (("--port", 0), "--port: is 0, expected 1 to 65535; 11111 is usual"),
        (("--port", 70000), "--port: is 70000, expected 1 to 65535"),
        (("--host", "no host"), "--host: no host cannot be reached"),
        (("--delay", -1), "--delay: is -1, expected 0 seconds or more"),
        (("--bones", "true"), "--bones: has no meaning with --to live-link"),
    ):
        assert refusal(capsys, "play", path, *options).startswith(message)
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    assert "holds 1 frame" in refusal(capsys, "play", path)


def test_a_delay_that_is_no_number_is_refused() -> None:
    with Sender(LiveLinkPackets(60), "127.0.0.1", 9) as sender, pytest.raises(InputError, match="--delay"):
        sender.play(spoken(2).curves, 60, delay=float("nan"))
