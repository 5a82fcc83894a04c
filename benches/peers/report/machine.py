"""When, on what, and with which versions it was measured."""

import os
import platform
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import datetime, timezone

# In the order of the tables.
CRATES = [
    "saddlebag", "jsonwebtoken", "pasetors", "rusty_paseto", "fernet", "branca", "biscuit-auth", "cookie", "josekit",
    "ring", "aes-gcm", "hmac", "sha2", "base64", "base64-simd", "base64-turbo", "openssl", "serde_json",
]


@dataclass
class Facts:
    date: str
    machine: str
    features: str
    load: str
    versions: str


def facts(lock, features, before):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    rustc = output("rustc", "--version")
    libc = " ".join(platform.libc_ver())
    openssl = output("openssl", "version").split(" (")[0] or "OpenSSL ?"
    machine = f"{os.cpu_count()} cores of {cpu}, Linux {platform.release()}, {libc}, {rustc}, {openssl}"
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return Facts(date, machine, features, f"{before} before and {load()} after", versions(lock))


def versions(lock):
    found = {}
    for package in tomllib.loads(lock.read_text())["package"]:
        found.setdefault(package["name"], []).append(package["version"])
    return ", ".join(f"{name} {' and '.join(found[name])}" for name in CRATES if name in found)


def load():
    return f"{os.getloadavg()[0]:.1f}"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
