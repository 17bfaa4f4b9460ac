"""terminal.py STEPS - runs a program on a terminal of its own and talks to it.

STEPS is a JSON file: "command", a list; "env", what its environment has
besides; "size", rows and columns; "steps", each a list of a verb and a value:
  expect TEXT   waits until TEXT has come, behind what was waited for before
  send TEXT     types it
  resize [R, C] changes the size of the terminal
  signal NAME   sends it a signal, "TERM"
  kill PID      kills another process
At the end it waits for the program's. Prints JSON: "screen", all that came;
"status", negative for a signal; "echo", whether the terminal echoes then, as it
did at the beginning; "missing", the text that has not come in time.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 20


class Terminal:
    def __init__(self, plan):
        self.screen = b""
        self.seen = 0
        self.missing = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.become(plan)
        self.resize(plan.get("size", [24, 80]))

    @staticmethod
    def become(plan):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        os.environ.update(plan.get("env", {}))
        command = plan["command"]
        os.execvp(command[0], command)

    def read(self, deadline):
        """Takes what has come; False at the end or when time is up."""
        left = max(0, deadline - time.monotonic())
        if not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.screen += data
        return data != b""

    def expect(self, text):
        wanted = text.encode()
        deadline = time.monotonic() + PATIENCE
        while True:
            place = self.screen.find(wanted, self.seen)
            if place >= 0:
                self.seen = place + len(wanted)
                return
            if not self.read(deadline):
                self.missing = text
                return

    def send(self, text):
        os.write(self.fd, text.encode())

    def resize(self, size):
        packed = struct.pack("HHHH", size[0], size[1], 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, packed)

    def signal(self, name):
        os.kill(self.pid, getattr(signal, "SIG" + name))

    @staticmethod
    def kill(pid):
        os.kill(int(pid), signal.SIGKILL)

    def is_echoing(self):
        return termios.tcgetattr(self.fd)[3] & termios.ECHO != 0

    def finish(self):
        deadline = time.monotonic() + (1 if self.missing else PATIENCE)
        while self.read(deadline):
            pass
        if self.missing or time.monotonic() >= deadline:
            os.kill(self.pid, signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    terminal = Terminal(plan)
    for verb, value in plan["steps"]:
        if terminal.missing is None:
            getattr(terminal, verb)(value)
    status = terminal.finish()
    print(json.dumps({
        "screen": terminal.screen.decode("utf-8", "replace"),
        "missing": terminal.missing,
        "status": os.waitstatus_to_exitcode(status),
        "echo": terminal.is_echoing(),
    }))


main()
