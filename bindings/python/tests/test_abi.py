# SPDX-License-Identifier: MIT
"""The wrapped header itself: functions of the core that have no face in Python
of their own, called as they are."""

import gc
import os
import sys
import threading

import weft
from helper import Case, IoCase
from weft import abi


class ContextVariables(Case):
    def new(self, fallback=None):
        return abi.weft_context_var_new(weft.runtime(), "request", fallback)

    def get(self, var):
        return abi.weft_context_var_get(weft.runtime(), var)

    def set(self, var, value):
        abi.weft_context_var_set(weft.runtime(), var, value)

    def test_a_task_has_what_it_set_and_its_child_what_it_was(self):  # 15.1
        async def child(var):
            self.log.append(self.get(var))
            await weft.sleep(1)
            self.log.append(self.get(var))
            self.set(var, "child's")

        async def main():
            var = self.new()
            self.set(var, "then")
            async with weft.TaskGroup() as group:
                group.spawn(child(var))
                self.set(var, "later")
            self.assertEqual("later", self.get(var))

        self.run_main(main)
        self.assertEqual(["then", "then"], self.log)

    def test_what_is_not_set_has_its_fallback(self):  # 15.2
        async def main():
            var = self.new("fallback")
            self.assertEqual("fallback", self.get(var))
            self.set(var, 5)
            self.assertEqual(5, self.get(var))
            self.set(var, None)
            self.assertEqual("fallback", self.get(var))
            self.assertEqual(
                "request", abi.weft_context_var_get_name(weft.runtime(), var))

        self.run_main(main)

    def test_a_callback_has_the_snapshot_of_when_it_was_added(self):  # 15.1
        async def main():
            var = self.new()
            self.set(var, 1)
            weft.call_later(1, lambda: self.log.append(self.get(var)))
            self.set(var, 2)
            await weft.sleep(2)
            self.assertEqual([1], self.log)

        self.run_main(main)

    def test_snapshots_can_be_exchanged_with_the_tasks(self):  # 15.3
        async def main():
            rt, var = weft.runtime(), self.new()
            self.set(var, 1)
            context = abi.weft_context_copy(rt)
            self.set(var, 2)
            for expected in (1, 2, 1, 2):
                abi.weft_context_swap(rt, context)
                self.assertEqual(expected, self.get(var))
            abi.weft_context_close(rt, context)

        self.run_main(main)

    def test_an_object_is_held_as_long_as_its_task(self):
        async def child(var, value):
            self.set(var, value)
            await weft.sleep(1)
            self.assertIs(value, self.get(var))

        async def main():
            value = object()
            before = sys.getrefcount(value)
            await weft.spawn(child(self.new(), value))
            self.assertEqual(before, sys.getrefcount(value))

        self.run_main(main)


class Waiting(Case):
    def test_those_who_wait_are_counted(self):  # 18.1
        async def main():
            rt = weft.runtime()
            event = abi.weft_event_new(rt)
            semaphore = abi.weft_semaphore_new(rt, 0, 0)

            async def wait_for(call, handle):
                await call(rt, handle)

            async with weft.TaskGroup() as group:
                for _ in range(3):
                    group.spawn(wait_for(abi.weft_event_wait, event))
                group.spawn(wait_for(abi.weft_semaphore_acquire, semaphore))
                await weft.sleep(1)
                self.assertEqual(3, abi.weft_event_get_waiting(rt, event))
                self.assertEqual(
                    1, abi.weft_semaphore_get_waiting(rt, semaphore))
                abi.weft_event_set(rt, event)
                abi.weft_semaphore_release(rt, semaphore)
                self.assertEqual(0, abi.weft_event_get_waiting(rt, event))

        self.run_main(main)

    def test_a_call_tells_when_it_is_due(self):  # 1.9
        async def main():
            rt = weft.runtime()
            timer = abi.weft_call_at(rt, 5_000_000_000, lambda: None)
            self.assertEqual(5_000_000_000, abi.weft_timer_get_time(rt, timer))
            abi.weft_timer_cancel(rt, timer)
            with self.assertRaises(weft.Error):
                abi.weft_timer_get_time(rt, timer)

        self.run_main(main)


class Connecting(Case):
    def test_a_failed_connect_has_the_errors_of_all_addresses(self):  # 26.1
        async def main():
            runtime = weft.runtime()
            listener = abi.weft_tcp_listen(runtime, "127.0.0.1", 0, 0)
            address = abi.weft_listener_address(runtime, listener)
            abi.weft_listener_close(runtime, listener)
            port = int(address.rpartition(":")[2])
            with self.assertRaises(weft.OSError) as caught:
                await abi.weft_tcp_connect(runtime, "127.0.0.1", port)
            self.assertEqual(abi.WEFT_ECONNREFUSED, caught.exception.code)
            self.assertIn(address, str(caught.exception))
            (only,) = caught.exception.__cause__.exceptions
            self.assertEqual(abi.WEFT_ECONNREFUSED, only.code)

        self.run_main(main)

    def test_one_that_fails_at_once_has_them_too(self):  # 26.1
        async def main():
            with self.assertRaises(weft.OSError) as caught:
                abi.weft_tcp_connect(weft.runtime(), "255.255.255.255", 1)
            self.assertEqual(1, len(caught.exception.__cause__.exceptions))

        self.run_main(main)


class Values(IoCase):
    """Calls whose value the core hands over."""

    def test_they_are_pythons_own(self):
        async def main():
            rt = weft.runtime()
            known = await abi.weft_fs_stat(rt, self.folder, 1)
            self.assertEqual(("directory", os.stat(self.folder).st_ino),
                             (known["type"], known["ino"]))
            self.assertEqual({}, await abi.weft_fs_readdir(rt, self.folder))
            self.assertEqual(["127.0.0.1"], await abi.weft_dns_lookup_family(
                rt, "localhost", 4))
            made = await abi.weft_fs_mkdtemp(rt, self.path("t"))
            self.assertEqual(os.path.realpath(made),
                             await abi.weft_fs_realpath(rt, made))

        self.run_main(main)

    def test_what_a_file_has_is_bytes_even_if_it_is_text(self):
        async def main():
            rt, path = weft.runtime(), self.path("a")
            for data in (b"text", b"\xff", b""):
                await abi.weft_fs_write_file(rt, path, data, 0)
                self.assertEqual(
                    data, await abi.weft_fs_read_file(rt, path, 100))

        self.run_main(main)

    def test_room_is_asked_for_by_its_size(self):
        async def main():
            rt, path = weft.runtime(), self.path("a")
            await abi.weft_fs_write_file(rt, path, b"abcdef", 0)
            file = await abi.weft_file_open(rt, path, abi.WEFT_OPEN_READ, 0)
            for size, offset, data in ((2, 1, b"bc"), (100, 4, b"ef"),
                                       (100, 6, b""), (0, 0, b"")):
                self.assertEqual(data, await abi.weft_file_read_at(
                    rt, file, size, offset))
            for bad in (-1, "x", 2**70):
                with self.assertRaises((ValueError, TypeError, OverflowError)):
                    abi.weft_file_read_at(rt, file, bad, 0)
            await abi.weft_file_close(rt, file)

        self.run_main(main)

    def test_a_lost_one_is_let_go(self):
        """The leak is for a sanitizer to see."""
        async def stray():
            rt = weft.runtime()
            abi.weft_fs_readdir(rt, "/")  # not awaited

        async def main():
            for _ in range(3):
                with self.assertRaises(RuntimeError):
                    await weft.spawn(stray())

        self.run_main(main)

    def test_only_a_coroutine_can_take_them(self):
        async def main():
            rt = weft.runtime()
            found = []

            def call():
                try:
                    abi.weft_fs_stat(rt, "/", 1)
                except weft.InvalidStateError as error:
                    found.append(error.code)

            weft.call_soon(call)
            await weft.sleep(1)
            self.assertEqual([abi.WEFT_ESTATE], found)

        self.run_main(main)


class Arguments(IoCase):
    def test_paths_are_what_python_takes_for_them(self):
        async def main():
            rt, path = weft.runtime(), os.fsencode(self.folder)
            name = os.fsdecode(path + b"/\xff")
            await abi.weft_fs_mkdir(rt, name, 0o700, 0)
            self.assertEqual([b"\xff"], os.listdir(path))
            with self.assertRaises(ValueError):
                abi.weft_fs_mkdir(rt, "a\0b", 0o700, 0)
            with self.assertRaises(TypeError):
                abi.weft_fs_mkdir(rt, None, 0o700, 0)

        self.run_main(main)

    def test_pieces_are_kept_until_they_are_taken(self):
        async def main():
            rt = weft.runtime()
            reading, writing = os.pipe()
            stream = abi.weft_stream_open(rt, writing)
            size = 1_000_000
            parked = abi.weft_stream_write(rt, stream, b"x" * size)
            if parked is not None:
                await parked
            parked = abi.weft_stream_writev(
                rt, stream, [bytes([97 + i]) * 3 for i in range(20)])
            self.assertIsNotNone(parked)
            gc.collect()
            thread = threading.Thread(target=self.drain, args=(reading,))
            thread.start()
            await parked
            closing = abi.weft_stream_close(rt, stream)
            if closing is not None:
                await closing
            thread.join()
            expected = b"".join(bytes([97 + i]) * 3 for i in range(20))
            self.assertEqual(expected, self.read[size:])
            with self.assertRaises(TypeError):
                abi.weft_stream_writev(rt, stream, [b"a", "b"])

        self.run_main(main)

    def drain(self, descriptor):
        with open(descriptor, "rb") as pipe:
            self.read = pipe.read()

    def test_a_job_is_a_function(self):
        async def main():
            rt = weft.runtime()
            workers = abi.weft_workers_new(rt, 1, 0)
            await abi.weft_work_run(rt, workers, lambda: self.log.append(1), 0)
            self.assertEqual([1], self.log)
            self.assertEqual([1, 0, 0],
                             abi.weft_workers_get_counts(rt, workers))
            await abi.weft_workers_join(rt, workers)
            with self.assertRaises(weft.Error):
                await abi.weft_work_run(rt, workers, print, 0)

        self.run_main(main)


class Waits(Case):
    def test_what_another_task_waits_for_is_told(self):  # 29.4
        async def main():
            rt = weft.runtime()
            async with weft.TaskGroup() as group:
                group.spawn(weft.sleep(9))
                await weft.sleep(2)
                task = abi.weft_task_next(rt, abi.weft_task_current(rt))
                self.assertEqual("sleep",
                                 abi.weft_task_describe_wait(rt, task))
                self.assertLess(abi.weft_task_get_since(rt, task), 2_000_000)
                self.assertEqual(0, abi.weft_task_is_shielded(rt, task))
                source = abi.weft_task_get_cancellation(rt, task)[1]
                self.assertEqual(abi.WEFT_SOURCE_NONE, source)
                abi.weft_task_cancel(rt, task, None)

        self.run_main(main)
