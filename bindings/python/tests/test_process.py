# SPDX-License-Identifier: MIT
"""Programs that run beside this one."""

import os
import signal
import sys

import weft
from helper import IoCase
from weft import process
from weft.process import DEVNULL, PIPE, STDOUT

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.01; done"


class Running(IoCase):
    def run_it(self, *args, **options):
        async def main():
            return await process.run(*args, **options)

        return self.run_main(main, virtual_clock="timeout" not in options)

    def test_it_is_fed_and_both_outputs_are_read(self):  # 28.1
        result = self.run_it(["sh", "-c", "cat; echo err >&2"], input=b"in")
        self.assertEqual((0, None, b"in", b"err\n"),
                         (result.status, result.signal, result.stdout,
                          result.stderr))
        self.assertIs(result, result.check())

    def test_more_goes_through_than_any_pipe_holds(self):  # 28.1
        data = bytes(range(256)) * 8000
        result = self.run_it(["sh", "-c", "tee /dev/stderr"], input=data)
        self.assertTrue(data == result.stdout == result.stderr)

    def test_without_input_it_reads_nothing(self):  # 28.1
        self.assertEqual(b"", self.run_it(["cat"]).stdout)

    def test_input_may_come_bit_by_bit(self):  # 28.1
        async def pieces():
            for i in range(3):
                await weft.yield_()
                yield b"%d" % i

        self.assertEqual(b"012", self.run_it(["cat"], input=pieces()).stdout)

    def test_one_that_stops_reading_is_no_error(self):  # 28.1
        self.run_it(["true"], input=b"x" * 1_000_000)

    def test_a_bad_status_is_an_error_unless_unchecked(self):  # 28.1
        command = ["sh", "-c", "echo out; echo why >&2; exit 3"]
        with self.assertRaises(weft.ProcessError) as caught:
            self.run_it(command)
        error = caught.exception
        self.assertEqual((3, None, b"out\n", b"why\n"),
                         (error.status, error.signal, error.stdout,
                          error.stderr))
        self.assertIn("status 3:\n  why", str(error))
        self.assertEqual(3, self.run_it(command, check=False).status)

    def test_a_signal_is_told_apart(self):  # 28.3
        result = self.run_it(["sh", "-c", "kill -9 $$"], check=False)
        self.assertEqual((None, signal.SIGKILL), (result.status, result.signal))
        with self.assertRaisesRegex(weft.ProcessError, "SIGKILL"):
            result.check()

    def test_its_options_reach_the_program(self):
        result = self.run_it(["sh", "-c", 'echo "$A" "$HOME"; pwd; echo "$0"'],
                             env={"A": "a b", "PATH": os.environ["PATH"]},
                             cwd=self.folder, stderr=STDOUT)
        self.assertEqual(f"a b \n{self.folder}\nsh\n",
                         result.stdout.decode())
        self.assertIsNone(result.stderr)
        self.assertIsNone(self.run_it(["echo"], stdout=DEVNULL).stdout)
        with open(self.path("out"), "wb") as file:
            self.run_it([b"echo", os.fsencode("x")], stdout=file)
        with open(self.path("out"), "rb") as file:
            self.assertEqual(b"x\n", file.read())

    def test_one_that_cannot_start_is_an_error_of_the_system(self):  # 28.2
        with self.assertRaises(FileNotFoundError) as caught:
            self.run_it(["no-such-program"])
        self.assertEqual("no-such-program", caught.exception.filename)
        with self.assertRaises(FileNotFoundError) as caught:
            self.run_it(["true"], cwd=self.path("none"))
        self.assertEqual(self.path("none"), caught.exception.filename)
        with self.assertRaises(PermissionError):
            self.run_it([self.folder + "/."])

    def test_bad_arguments_are_told(self):
        for command in ("ls -l", b"ls"):
            with self.assertRaisesRegex(TypeError, "list"):
                self.run_it(command)
        with self.assertRaises(weft.ArgumentError):
            self.run_it([])
        for options in ({"input": "text"}, {"limit": -1}, {"stdin": -7},
                        {"input": b"", "stdin": PIPE},
                        {"env": {"A=B": "c"}}, {"stdout": STDOUT}):
            with self.assertRaises(weft.ArgumentError):
                self.run_it(["true"], **options)
        with self.assertRaises(TypeError):
            self.run_it(["echo", 5])

    def test_a_timeout_ends_it_and_has_its_output(self):  # 28.6
        script = "trap 'echo bye; exit' TERM; echo hi; while :; do :; done"
        for timeout in (0.1, 1, 10):  # a busy machine is slow to say "hi"
            with self.assertRaises(weft.TimeoutError) as caught:
                self.run_it(["sh", "-c", script], timeout=timeout)
            if caught.exception.stdout:
                break
        self.assertEqual(b"hi\nbye\n", caught.exception.stdout)
        self.assertEqual(b"", caught.exception.stderr)

    def test_cancelled_it_has_ended_before_that_is_raised(self):  # 28.6
        async def main():
            path = self.path("pid")

            async def run_long():
                await process.run(["sh", "-c", f"echo $$ >{path}; {STUBBORN}"],
                                  grace=0.05)

            task = weft.spawn(run_long())
            while not os.path.exists(path) or not os.path.getsize(path):
                await weft.sleep(0.01)
            task.cancel()
            with self.assertRaises(weft.TaskCancelledError):
                await task
            with open(path) as file, self.assertRaises(ProcessLookupError):
                os.kill(int(file.read()), 0)

        self.run_main(main, virtual_clock=False)

    def test_output_over_the_limit_ends_it(self):
        with self.assertRaises(weft.LimitOverrunError) as caught:
            self.run_it(["sh", "-c", "while :; do echo y; done"], limit=1000)
        self.assertEqual(b"y\n" * 500, caught.exception.stdout)

    def test_a_failing_input_ends_it(self):
        async def pieces():
            yield b"x"
            raise KeyError("input")

        with self.assertRaises(KeyError):
            self.run_it(["cat"], input=pieces())

    def test_cancelled_before_it_starts_nothing(self):
        async def main():
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await process.run(["touch", self.path("made")])
            self.assertTrue(scope.cancelled_caught)
            self.assertFalse(os.path.exists(self.path("made")))

        self.run_main(main)


class Spawning(IoCase):
    def test_it_is_spoken_with_by_its_streams(self):
        async def main():
            async with await process.spawn(["cat"], stdin=PIPE,
                                           stdout=PIPE) as child:
                self.assertIsNone(child.stderr)
                await child.stdin.write(b"hello\n")
                self.assertEqual(b"hello\n", await child.stdout.readline())
                await child.stdin.close()
                self.assertEqual(0, await child.wait())
                self.assertEqual(b"", await child.stdout.read())
                self.assertEqual((0, None), (child.status, child.signal))

        self.run_main(main)

    def test_output_can_be_read_after_the_end(self):  # 28.4
        async def main():
            async with await process.spawn(["echo", "x"],
                                           stdout=PIPE) as child:
                self.assertEqual(0, await child.wait())
                self.assertEqual(b"x\n", await child.stdout.read())

        self.run_main(main)

    def test_any_number_may_wait_and_a_cancelled_one_harms_nobody(self):  # 28.4
        async def main():
            async with await process.spawn(["cat"], stdin=PIPE,
                                           stdout=PIPE) as child:
                with weft.move_on_after(0) as scope:
                    await child.wait()
                self.assertTrue(scope.cancelled_caught)
                with self.assertRaises(weft.TimeoutError):
                    with weft.timeout(0):
                        await child.wait()
                self.assertTrue(child.is_running())
                tasks = [weft.spawn(child.wait()) for _ in range(3)]
                await weft.yield_()
                await child.stdin.close()
                self.assertEqual([0, 0, 0], [await task for task in tasks])
                self.assertEqual(0, await child.wait())
                self.assertFalse(child.is_running())

        self.run_main(main)

    def test_a_signal_after_the_end_hits_nobody(self):  # 28.5
        async def main():
            async with await process.spawn(["cat"], stdin=PIPE) as child:
                with self.assertRaises(weft.ArgumentError):
                    child.send_signal("NONE")
                self.assertTrue(child.send_signal(signal.SIGKILL))
                self.assertEqual(-signal.SIGKILL, await child.wait())
                self.assertIs(signal.SIGKILL, child.signal)
                self.assertFalse(child.kill())
            self.assertFalse(child.terminate())

        self.run_main(main)

    def test_leaving_the_with_ends_it(self):  # 28.7
        async def main():
            async with await process.spawn(["sh", "-c", STUBBORN], stdout=PIPE,
                                           grace=0.05) as child:
                self.assertEqual(b"ready\n", await child.stdout.readline())
            self.assertEqual(-signal.SIGKILL, child.returncode)
            await child.close()

        self.run_main(main)

    def test_a_group_is_ended_as_a_whole(self):
        async def main():
            async with await process.spawn(
                    ["sh", "-c", "sleep 1000 & wait"], group=True,
                    stdout=PIPE) as child:
                self.assertEqual(child.pid, os.getpgid(child.pid))
            self.assertEqual(-signal.SIGTERM, child.returncode)
            with self.assertRaises(ProcessLookupError):
                while True:  # its own init reaps the other
                    os.killpg(child.pid, 0)
                    await weft.sleep(0.01)

        if sys.platform == "linux":
            self.run_main(main, virtual_clock=False)

    def test_one_left_running_is_ended_and_reported(self):  # 25.12, 28.8
        async def main():
            await process.spawn(["sleep", "1000"])
            await weft.sleep(1)

        self.expect_report("unclosed", weft.Error)
        self.run_main(main)
