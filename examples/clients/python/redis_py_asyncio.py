"""An asyncio client in Python that goes on through failovers: pip install redis, then

    python redis_py_asyncio.py [group] [host:port of one sentinel]

Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error. The options are
those of redis_py.py, for the same reasons.
"""

import asyncio
import itertools
import sys

from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError


async def main(group="mymaster", sentinel="127.0.0.1:26379"):
    host, port = sentinel.rsplit(":", 1)
    timeouts = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}
    sentinels = Sentinel([(host, int(port))], sentinel_kwargs=timeouts)
    primary = sentinels.master_for(group, retry=None, **timeouts)
    for n in itertools.count():
        while True:
            try:
                await primary.set(f"example:{n}", n)
                break
            except RedisError as error:
                print(error, file=sys.stderr, flush=True)
                await primary.connection_pool.disconnect()
                await asyncio.sleep(0.01)
        print(n, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
