# SPDX-License-Identifier: MIT
"""Signals that are waited for."""

import os
import signal

import weft
from helper import IoCase


class Signals(IoCase):
    def test_they_come_in_order(self):  # 23.7
        async def main():
            with weft.signals("USR1", "SIGUSR2", signal.SIGHUP) as signals:
                for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR1):
                    os.kill(os.getpid(), number)
                    self.assertIs(number, await anext(signals))

        self.run_main(main)

    def test_each_one_that_is_open_gets_each(self):  # 23.7
        async def main():
            with weft.signals("USR1") as one, weft.signals("USR1") as two:
                os.kill(os.getpid(), signal.SIGUSR1)
                self.assertIs(signal.SIGUSR1, await anext(one))
                self.assertIs(signal.SIGUSR1, await anext(two))

        self.run_main(main)

    def test_ctrl_c_can_be_had_too(self):  # 23.7
        async def main():
            with weft.signals("INT") as signals:
                os.kill(os.getpid(), signal.SIGINT)
                self.assertIs(signal.SIGINT, await anext(signals))

        self.run_main(main)

    def test_a_cancelled_wait_loses_none(self):
        async def main():
            with weft.signals("USR1") as signals:
                await self.cancelled_in(anext(signals))
                await self.timed_out_in(anext(signals))
                os.kill(os.getpid(), signal.SIGUSR1)
                with weft.move_on_after(None) as scope:
                    scope.cancel()
                    await anext(signals)
                self.assertIs(signal.SIGUSR1, await anext(signals))

        self.run_main(main)

    def test_one_waits_at_a_time_until_it_is_closed(self):
        async def main():
            signals = weft.signals("USR1")

            async def wait():
                await anext(signals)

            task = weft.spawn(wait())
            await weft.yield_()
            with self.assertRaises(weft.BusyError):
                await wait()
            signals.close()
            for call in (task, wait()):
                with self.assertRaises(weft.ClosedError):
                    await call

        self.run_main(main)

    def test_what_cannot_be_had_is_refused(self):  # 23.7
        async def main():
            for names in ((), ("KILL",), ("STOP",), ("NONE",), (0,), (1000,)):
                with self.assertRaises(weft.ArgumentError):
                    weft.signals(*names)
            with self.assertRaises(TypeError):
                weft.signals(None)

        self.run_main(main)
