# SPDX-License-Identifier: MIT
"""weft: structured concurrency on the core's loop.

    import weft

    async def main():
        async with weft.TaskGroup() as group:
            group.spawn(weft.sleep(1))
            group.spawn(weft.sleep(1))

    weft.run(main())

``weft.abi`` is the flat interface of the core, call by call.
"""

from . import abi, dns, fs, process
from ._weft import Runtime, Task
from .datagrams import *
from .errors import *
from .event import *
from .groups import *
from .listeners import *
from .running import *
from .scopes import *
from .signals import *
from .stats import *
from .streams import *
from .threads import *
from .time import *

__version__ = abi.weft_version()
