# SPDX-License-Identifier: MIT
"""Names of hosts, by the system's resolver."""

from . import _weft, abi
from .owned import outcome

__all__ = ["lookup", "reverse"]


async def lookup(host, family=0):
    """The addresses of a host, as text, in the resolver's order; of family 4 or
    6 alone, if given."""
    return await outcome(
        abi.weft_dns_lookup_family(_weft.current_runtime(), host, family))


async def reverse(address):
    """The name of an address."""
    return await outcome(
        abi.weft_dns_reverse(_weft.current_runtime(), address))
