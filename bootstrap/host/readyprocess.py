"""A program that is loaded before it is known whether it may begin.

    starter    waiting = ReadyProcess(command); ...; waiting.begin(output)
    program    await_word(), when it is loaded

The word comes over a socket, and with it the file to write output to. Invariant: a program whose starter ends
without giving the word ends too, and has done nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess

VARIABLE = "BOOTSTRAP_AWAIT_WORD"
"""Has the number of the socket's descriptor."""

_WORD = b"begin"


class ReadyProcess:
    """``command`` in a session of its own, which is to call ``await_word``. Raises OSError as Popen does."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.command = command
        self._socket, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                env={**os.environ, VARIABLE: str(theirs.fileno())},
            )
        self.pid = process.pid
        # It may outlive this program: nobody waits for it here.
        process.returncode = 0

    def begin(self, output: int) -> bool:
        """Give the word, with the descriptor of its output; False when the program has ended before."""
        try:
            socket.send_fds(self._socket, [_WORD], [output])
        except OSError:
            return False
        finally:
            self.dismiss()
        return True

    def dismiss(self) -> None:
        """Let it end without having begun; nothing for one that has."""
        self._socket.close()


def await_word() -> None:
    """Go on when the starter says so; at once when this program was not started as a ``ReadyProcess``."""
    descriptor = os.environ.pop(VARIABLE, "")
    if not descriptor:
        return
    with socket.socket(fileno=int(descriptor)) as ours:
        word, outputs, _flags, _address = socket.recv_fds(ours, len(_WORD), 1)
    if word != _WORD:
        os._exit(0)
    for standard in (1, 2):
        os.dup2(outputs[0], standard)
    os.close(outputs[0])
