"""`play`: a take over the network, into a program that shows it live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.animation.live.sender import Packets

Protocol = Literal["live-link", "vmc", "face-cap"]


def play(
    take: str,
    to: Protocol = "live-link",
    host: str = "127.0.0.1",
    port: int | None = None,
    fps: float | None = None,
    delay: float = 0.0,
    loop: bool = False,
    subject: str = "kfzoo",
    bones: bool = False,
) -> None:
    """Sends a take over UDP at its rate, for a preview on a MetaHuman or another avatar.

    Args:
        take: The recording: Live Link Face CSV, as `generate` writes it, or another kind.
        to: live-link (Unreal's Live Link, as the app Live Link Face sends), vmc (VMC protocol, avatars in VRM), or
            face-cap (as the app Face Cap sends).
        host: Name or address of the computer that receives.
        port: Where it listens; by default 11111, 39540 or 9000, as is usual for each.
        fps: Frames a second; by default the take's own.
        delay: Seconds before the first frame.
        loop: Whether the take starts again after its end, until Ctrl-C.
        subject: Name of the subject in Unreal.
        bones: Whether vmc turns the bones of head and eyes, too: for receivers that read no positions of bones.

    Raises:
        InputError: For a take that cannot be read, a host that is not known, and a port or delay out of range.
    """
    from kfzoo.animation.live.sender import Sender
    from kfzoo.animation.read_animation import read_animation
    from kfzoo.terminal import say

    if bones and to != "vmc":
        raise InputError("--bones", f"has no meaning with --to {to}", "leave it out: the angles are sent")
    animation = read_animation(take, fps)
    with Sender(_packets(to, animation.fps, subject, bones=bones), host, port) as sender:
        count, seconds = len(animation.curves), len(animation.curves) / animation.fps
        say(f"{count:,} frames, {seconds:.1f} s, to {host}:{sender.port}" + (" until Ctrl-C" if loop else ""))
        sent = sender.play(animation.curves, animation.fps, delay=delay, loop=loop)
    late = f"{1000 * sent.latest:.0f} ms late at the most"
    say(f"{sent.frames:,} frames sent, {late}" + (f", {sent.left_out:,} left out" if sent.left_out else ""))


def _packets(to: Protocol, fps: float, subject: str, *, bones: bool) -> Packets:
    from kfzoo.animation.live.face_cap import FaceCapPackets
    from kfzoo.animation.live.live_link import LiveLinkPackets
    from kfzoo.animation.live.vmc import VmcPackets

    if to == "live-link":
        return LiveLinkPackets(fps, subject)
    return VmcPackets(fps, bones) if to == "vmc" else FaceCapPackets()


COMMAND = play
