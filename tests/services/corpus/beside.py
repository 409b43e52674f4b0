# SPDX-License-Identifier: BSD-2-Clause
"""What a case may have beside its service and its redis-server (Case.beside): a function of the world, called before the
service is started. What it starts listens on world.beside_port, which the service finds as BESIDE_PORT."""
import signal
import subprocess
import time

import live
import truth


def proxy(world):
    """The corpus's own proxy, in front of Redis."""
    environment = dict(world.environment(), PORT=str(world.beside_port))
    live.start(world.case.runtime.bin / "python", world.case.file.parent / "proxy.py", stdin=subprocess.DEVNULL, stdout=world.log,
               stderr=world.log, env=environment)
    answering(world.beside_port)


def sentinel(world):
    """A Redis Sentinel that watches the redis-server under the name "corpus"."""
    settings = world.folder / "sentinel.conf"
    settings.write_text(f"port {world.beside_port}\nbind 127.0.0.1\nsentinel monitor corpus 127.0.0.1 {world.redis_port} 1\n")
    live.start("redis-server", settings, "--sentinel", stdin=subprocess.DEVNULL, stdout=world.log)
    answering(world.beside_port)


def cluster(world):
    """The redis-server (started with --cluster-enabled) is given all slots: a cluster of one."""
    world.server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    live.wait_for(lambda: "cluster_state:ok" in world.server.ask("CLUSTER", "INFO"), "the cluster")


def answering(port):
    def asked():
        try:
            probe = truth.Server(port)
            return [probe.ask("PING"), probe.close()]
        except OSError:
            return None
    live.wait_for(asked, f"what listens on port {port}")


# ---- what may happen at half time (Http.during) ------------------------------------------------------------------------

def restart(world):
    world.restart_redis()



def kill_clients(world):
    """As a failover does: the server closes everybody's connections, three times."""
    for _ in range(3):
        world.server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(0.3)


def reload_workers(world):
    world.service.send_signal(signal.SIGHUP)
