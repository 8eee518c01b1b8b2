"""Functions that do what no plugin should."""

import ctypes
import os
import stat
import subprocess
import sys
import threading
import time

from hubbub import query, view


@query
def fine(text="yes"):
    return text


@query
def process():
    return os.getpid()


@query
def loops():
    while True:
        pass


@query
def loops_in_native_code():
    sum(range(10**15))


@query
def sleeps(seconds: float):
    time.sleep(seconds)
    return "slept"


@query
def eats_memory():
    kept = []
    while True:
        kept.append(bytearray(32 << 20))


@query
def exits(status: int):
    os._exit(status)


@query
def exits_politely():
    sys.exit(7)


@query
def segfaults():
    ctypes.string_at(0)


@query
def prints_a_gigabyte():
    line = "x" * 9_999 + "\n"
    for _ in range(100_000):
        sys.stdout.write(line)
    os.write(2, b"done\n")
    return "printed"


@query
def large(megabytes: int):
    return "x" * (megabytes << 20)


@query
def leaves_a_child():
    child = subprocess.Popen(["sleep", "600"])
    while True:
        time.sleep(0.1 + child.pid * 0)


@query
def starts_a_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()
    return "started"


@query
def recursive_data():
    value: list[object] = []
    value.append(value)
    return value


@query
def closes_everything():
    os.closerange(0, 256)
    return "closed"


@query
def talks_to_the_server():
    for descriptor in range(3, 4096):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"\xff\xff\xff\xff")
        except OSError:
            continue
    return "written"


@query
def no_json():
    return object()


@view
def scripted():
    return "<script>alert(1)</script>"


@view
def no_page():
    return 3
