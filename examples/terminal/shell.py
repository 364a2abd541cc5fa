# A shell on a pseudo-terminal of its own, for asyncio.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import fcntl
import os
import struct
import termios

IUTF8 = 0o40000  # Linux: erasing in the terminal's own line editing takes whole characters (Python has no name for it)
GRACE = 3  # seconds that a shell has to end after it was hung up, before it is killed


class Shell:
    """`async with Shell(command, columns, rows) as shell:` starts it, and hangs it up at the end."""

    def __init__(self, command, columns, rows):
        self._command = command
        self._size = columns, rows
        self._last_words = 8  # reads, after the shell has ended

    async def __aenter__(self):
        self._terminal, slave = os.openpty()
        try:
            os.set_blocking(self._terminal, False)
            self.resize(*self._size)
            attributes = termios.tcgetattr(slave)
            attributes[0] |= IUTF8
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
            # setsid makes the pty the controlling terminal of a new session: Ctrl-C, job control and SIGHUP need that.
            # (A preexec_fn could do it too, but running Python in a forked child is not safe beside threads.)
            self._process = await asyncio.create_subprocess_exec(
                "setsid", "--ctty", *self._command, stdin=slave, stdout=slave, stderr=slave,
                cwd=os.path.expanduser("~"), env=_environment())
            self._ended = asyncio.create_task(self._process.wait())
        except BaseException:
            os.close(self._terminal)
            raise
        finally:
            os.close(slave)
        return self

    async def __aexit__(self, *_):
        os.close(self._terminal)  # the kernel sends SIGHUP to the shell and to what runs in the foreground
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), GRACE)
        except TimeoutError:
            self._process.kill()
            await self._ended

    async def read(self):
        """What the terminal shows next, at most 16 KiB; b"" when the shell has ended."""
        loop = asyncio.get_running_loop()
        await self._ready(loop.add_reader, loop.remove_reader)
        if self._ended.done():
            self._last_words -= 1  # a job in the background may go on writing for ever
        try:
            return os.read(self._terminal, 16384) if self._last_words > 0 else b""
        except OSError:  # EAGAIN: all is read, and the shell has ended. EIO: nobody has the other side open any more
            return b""

    async def write(self, data):
        """Types `data`; returns when the terminal has taken all of it, or the shell has ended."""
        loop = asyncio.get_running_loop()
        while data and not self._ended.done():
            try:
                data = data[os.write(self._terminal, data):]
            except BlockingIOError:
                await self._ready(loop.add_writer, loop.remove_writer)

    def resize(self, columns, rows):
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self):
        """The exit status, or minus the number of the signal that ended the shell."""
        return await self._ended

    async def _ready(self, add, remove):
        ready = asyncio.get_running_loop().create_future()
        add(self._terminal, lambda: ready.done() or ready.set_result(None))
        try:
            await asyncio.wait((ready, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            remove(self._terminal)


def _environment():
    environment = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor")
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if not locale.upper().endswith(("UTF-8", "UTF8")):  # the page speaks UTF-8
        environment.pop("LC_ALL", None)
        environment["LC_CTYPE"] = "C.UTF-8"
    return environment
