# SPDX-License-Identifier: MIT
"""Programs that run beside this one.

    result = await weft.process.run(["git", "status"], timeout=10)
    print(result.stdout.decode())

No shell is involved: each argument reaches the program as it is. For a line of
shell: ``["sh", "-c", line]``.
"""

from . import process_run, process_spawn
from .process_run import *
from .process_spawn import *

__all__ = process_run.__all__ + process_spawn.__all__
