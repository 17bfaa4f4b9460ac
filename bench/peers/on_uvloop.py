"""on_uvloop.py - runs a program of asyncio on uvloop's loop.

    python3 on_uvloop.py SCRIPT ARGUMENTS...
"""

import runpy
import sys

import uvloop

uvloop.install()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
