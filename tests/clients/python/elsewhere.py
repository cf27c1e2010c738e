"""Runs a story as if on another host, another day and in another time zone: elsewhere.py STORY [ARGUMENT...]."""

import datetime
import os
import runpy
import socket
import sys
import time

DAYS = 1234


class ShiftedDatetime(datetime.datetime):
    """What is now lies some years ahead."""

    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=DAYS)

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)


now = time.time
time.time = lambda: now() + DAYS * 86400
datetime.datetime = ShiftedDatetime
os.environ["TZ"] = "Asia/Kolkata"
time.tzset()
socket.gethostname = lambda: "elsewhere.example"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
