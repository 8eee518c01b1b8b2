"""Publish messages that name people, through the real fedmsg; message N names the user "user-N".

usage: people.py (connect|bind) ENDPOINT FIRST COUNT [PER_SECOND [PKI STEM]]
connect: fedmsg's "active" mode, to a SUB that has bound; bind: its normal mode.
PKI STEM: sign with PKI/STEM.crt and PKI/STEM.key (setup_bus.py makes them); 0 per second: no pace.
Prints "ready", waits for a line on standard input, publishes, prints "published".
"""
import os
import socket
import sys
import time
import warnings

warnings.simplefilter("ignore")
import fedmsg
import fedmsg.config
from cryptography.hazmat.primitives import serialization

how, endpoint, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
pace = float(sys.argv[5]) if len(sys.argv) > 5 else 0

FAMILIES = [
    ("git", "receive", lambda u: {"commit": {
        "username": u, "agent": u, "repo": "nethack", "branch": "master", "rev": "8a4b",
        "summary": "Rebuild", "stats": {"files": {}, "total": {"files": 0}}}}),
    ("wiki", "article.edit", lambda u: {"user": u, "title": "Talk:Packaging", "url": "https://x"}),
    ("fedbadges", "badge.award", lambda u: {
        "user": {"username": u, "badges_user_id": 1}, "badge": {"name": "X", "badge_id": "x"}}),
    ("copr", "build.end", lambda u: {
        "user": u, "owner": u + "-owner", "copr": "p", "pkg": "nethack", "version": "1",
        "build": 1, "chroot": "fedora-40-x86_64", "status": 1}),
    ("bodhi", "update.comment", lambda u: {"agent": u, "comment": {
        "author": u}, "update": {"user": u + "-owner", "title": "nethack-1-1.fc40"}}),
]

os.makedirs("fedmsg.d", exist_ok=True)  # read from the working directory
with open("fedmsg.d/lab.py", "w") as file:
    file.write('config = dict(endpoints={"relay_outbound": ["tcp://127.0.0.1:15002"]})\n')
config = fedmsg.config.load_config([], None)
config.update(sign_messages=False, zmq_strict=False, topic_prefix="org.fedoraproject",
              environment="dev", post_init_sleep=0.2, high_water_mark=0, io_threads=1)
if len(sys.argv) > 7:
    pki, stem = sys.argv[6], sys.argv[7]
    host = socket.gethostname().split(".", 1)[0]
    config.update(sign_messages=True, crypto_backend="x509", ssldir=pki,
                  ca_cert_location=os.path.join(pki, "ca.crt"),
                  crl_location=os.path.join(pki, "crl.pem"),
                  certnames={"lab.test": stem, "shell." + host: stem, "lab." + host: stem})
    # fedmsg reads and checks its key for every message: 50 ms. Once is enough here.
    load, keys = serialization.load_pem_private_key, {}

    def load_once(data, password=None, backend=None, **more):
        if data not in keys:
            keys[data] = load(data, password, backend, **more)
        return keys[data]

    serialization.load_pem_private_key = load_once
if how == "connect":
    config.update(active=True, name="relay_inbound", relay_inbound=[endpoint])
else:
    config.update(active=False, name="lab.test", endpoints={"lab.test": [endpoint]})
fedmsg.init(**config)
print("ready", flush=True)
sys.stdin.readline()
begun = time.monotonic()
for n in range(first, first + count):
    modname, topic, body = FAMILIES[n % len(FAMILIES)]
    fedmsg.publish(modname=modname, topic=topic, msg=body("user-%d" % n))
    if pace and n % 10 == 0:
        time.sleep(max(0, begun + (n - first) / pace - time.monotonic()))
time.sleep(1)
print("published", flush=True)
