"""One stored hash serves both brokers: ours and Mosquitto's own program make and accept the same."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from telecare.kernel.pure.mqtt_credentials import hash_password, verify

PROGRAM = shutil.which("mosquitto_passwd")


@pytest.mark.skipif(PROGRAM is None, reason="needs mosquitto_passwd: apt-get install mosquitto")
@pytest.mark.parametrize("password", ["5f0c1ab9e2d34477a1b6c8d9e0f12345", "a b:c$d", "Ceilidh-\u00e8"])
def test_mosquitto_makes_what_we_accept_and_the_same_from_its_salt(tmp_path: Path, password: str) -> None:
    file = tmp_path / "passwords"
    subprocess.run([str(PROGRAM), "-c", "-b", str(file), "hub-a", password], check=True, capture_output=True)
    name, _, stored = file.read_text(encoding="utf-8").strip().partition(":")
    assert name == "hub-a"
    assert verify(password, stored)
    assert not verify(password + "x", stored)
    _, _, iterations, salt, _ = stored.split("$")
    assert hash_password(password, base64.b64decode(salt), int(iterations)) == stored


def test_our_own_has_the_shape_of_a_password_file() -> None:
    stored = hash_password("secret", os.urandom(12))
    _, scheme, iterations, salt, key = stored.split("$")
    assert (scheme, iterations) == ("7", "101")
    assert (len(base64.b64decode(salt)), len(base64.b64decode(key))) == (12, 64)
    assert verify("secret", stored)


@pytest.mark.parametrize(
    "stored",
    ["", "$", "secret", "$7$101$AAAA", "$6$101$AAAA$AAAA", "$7$0$AAAA$AAAA", "$7$x$AAAA$AAAA", "$7$101$AAAA$",
     "$7$-1$AAAA$AAAA", "$7$99999999999$AAAA$AAAA", "$7$101$*$AAAA", "$7$101$AAAA$*", "$7$101$AAAA$AAAA$AAAA"],
)  # fmt: skip
def test_a_malformed_one_lets_nobody_in(stored: str) -> None:
    assert not verify("secret", stored)
    assert not verify("", stored)
