"""A Python client that goes on through failovers: pip install redis, then

    python redis_py.py [group] [host:port of one sentinel]

Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.
"""

import itertools
import sys
import time

from redis.exceptions import RedisError
from redis.sentinel import Sentinel


def main(group="mymaster", sentinel="127.0.0.1:26379"):
    host, port = sentinel.rsplit(":", 1)
    # Short time-outs: a frozen primary neither answers nor closes its socket. They hold for the sentinels as well.
    timeouts = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}
    sentinels = Sentinel([(host, int(port))], sentinel_kwargs=timeouts)
    # No retries inside the library: those dial the old address. The loop below asks the sentinels anew.
    primary = sentinels.master_for(group, retry=None, **timeouts)
    for n in itertools.count():
        while True:
            try:
                primary.set(f"example:{n}", n)
                break
            except RedisError as error:
                print(error, file=sys.stderr, flush=True)
                # READONLY comes from a demoted primary: its kept connections have to go.
                primary.connection_pool.disconnect()
                time.sleep(0.01)
        print(n, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
