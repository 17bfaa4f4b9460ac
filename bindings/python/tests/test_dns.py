# SPDX-License-Identifier: MIT
"""Names of hosts."""

import weft
from helper import IoCase
from weft import dns


class Names(IoCase):
    def test_a_host_has_addresses(self):  # 27.2
        async def main():
            self.assertIn("127.0.0.1", await dns.lookup("localhost"))
            self.assertEqual(["127.0.0.1"], await dns.lookup("localhost", 4))
            self.assertEqual(["127.0.0.1"], await dns.lookup("127.0.0.1"))
            self.assertEqual(["::1"], await dns.lookup("::1", 6))
            self.assertEqual("localhost", await dns.reverse("127.0.0.1"))

        self.run_main(main)

    def test_no_such_host_is_an_error(self):  # 27.2
        async def main():
            for call in (dns.lookup(""), dns.lookup("localhost", 5),
                         dns.reverse("localhost")):
                with self.assertRaises(weft.ArgumentError):
                    await call
            with self.assertRaises(weft.OSError):
                await dns.lookup("name.invalid")

        self.run_main(main)

    def test_a_cancelled_one_returns_at_once(self):  # 27.2
        async def main():
            with weft.move_on_after(None) as scope:
                weft.call_soon(scope.cancel)
                await dns.lookup("localhost")
                await weft.checkpoint()
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)
