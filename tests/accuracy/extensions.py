# SPDX-License-Identifier: BSD-2-Clause
"""Python over native code that unwinds badly: extensions.py numpy|openssl|gevent. Says "ready {}", runs until standard input closes."""
import os
import select
import subprocess
import sys
import tempfile


def over():
    return select.select([0], [], [], 0)[0] and not os.read(0, 100)


def with_numpy():
    import numpy
    values = numpy.random.default_rng(1).random((200, 200))

    def key(number):
        return float(numpy.linalg.norm(values[number]))

    def work():
        numpy.linalg.svd(values)
        numpy.sort(values @ values, axis=None)
        numpy.fft.fft2(values)
        sorted(range(200), key=key)
    return work


def certificate(folder):
    """A key and a certificate for localhost, in one file."""
    path = os.path.join(folder, "pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2", "-keyout", path,
                    "-out", path + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(path, "a", encoding="ascii") as pem, open(path + ".crt", encoding="ascii") as crt:
        pem.write(crt.read())
    return path


def with_openssl():
    import hashlib
    import ssl
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        server.load_cert_chain(certificate(folder))
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    def shake_hands():
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [client.wrap_bio(inward, outward), server.wrap_bio(outward, inward, server_side=True)]
        while ends:
            for end in list(ends):
                try:
                    end.do_handshake()
                    ends.remove(end)
                except ssl.SSLWantReadError:
                    pass

    def work():
        shake_hands()
        hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 2000)
        hashlib.scrypt(b"secret", salt=b"salt", n=256, r=8, p=1)
        hashlib.sha3_512(bytes(100000)).digest()
    return work


def with_gevent():
    import gevent
    import gevent.queue

    def producer(queue):
        for number in range(30):
            queue.put(sum(range(number + 50)))
            gevent.sleep(0)

    def consumer(queue):
        for _ in range(30):
            sorted(range(20), key=lambda number: -number)
            queue.get()

    def work():
        queues = [gevent.queue.Queue(2) for _ in range(10)]
        gevent.joinall([gevent.spawn(role, queue) for queue in queues for role in (producer, consumer)])
    return work


if __name__ == "__main__":
    run = {"numpy": with_numpy, "openssl": with_openssl, "gevent": with_gevent}[sys.argv[1]]()
    print("ready {}", flush=True)
    while not over():
        run()
