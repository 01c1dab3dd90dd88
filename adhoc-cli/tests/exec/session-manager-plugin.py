"""A stand-in for AWS's session-manager-plugin and, behind it, the agent in a container.

It is called as the plugin is, and treats its input, its output and signals as the plugin does. What it is to run it finds in the
file `command` of FAKE_FOLDER: the test writes there what ExecuteCommand was asked for. It splits it into words and runs it at a
terminal of its own, as the agent does. It always exits with 0.
"""

import fcntl
import json
import os
import pathlib
import pty
import select
import shlex
import signal
import subprocess
import sys
import termios
import time
import tty

folder = pathlib.Path(os.environ["FAKE_FOLDER"])


def main():
    with open(folder / "argv", "a") as argv:
        print(*sys.argv[1:], file=argv)
    if sys.argv[1:] == ["--version"]:
        print(os.environ.get("FAKE_VERSION", "1.2.650.0"))
        return
    variable, _region, operation, _profile, request, _endpoint = sys.argv[1:]
    assert variable.startswith("AWS_SSM_START_SESSION_RESPONSE") and operation == "StartSession"
    session = json.loads(os.environ[variable])
    assert json.loads(request)["Target"].startswith("ecs:"), request
    (folder / "token").write_text(session["TokenValue"])
    look_for(session["TokenValue"])
    say(f"\nStarting session with SessionId: {session['SessionId']}\n")
    if failure := os.environ.get("FAKE_FAILURE"):
        say(failure + "\n")
        return
    if os.isatty(0):
        # What the plugin has `stty` do.
        settings = termios.tcgetattr(0)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(0, termios.TCSANOW, settings)
    serve()
    say(f"\n\nExiting session with sessionId: {session['SessionId']}.\n\n")


def look_for(token):
    """Every command line on this machine, for a token that anybody could read."""
    lines = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
    (folder / "leaks").write_text(str(sum(token.encode() in line for line in lines)))


def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def say(text):
    data = text if isinstance(text, bytes) else text.encode()
    # In pieces that fall anywhere.
    while data:
        piece, data = data[:7], data[7:]
        os.write(1, piece)


def command():
    while not (folder / "command").exists():
        time.sleep(0.02)
    words = shlex.split((folder / "command").read_text())
    (folder / "command").unlink()
    return words


def serve():
    words = command()
    master, slave = pty.openpty()
    if os.isatty(1):
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))
    child = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    for which, key in [(signal.SIGINT, b"\3"), (signal.SIGQUIT, b"\x1c"), (signal.SIGTSTP, b"\x1a")]:
        signal.signal(which, lambda *_, key=key: os.write(master, key))
    while True:
        ready, _, _ = select.select([0, master], [], [])
        if master in ready:
            try:
                say(os.read(master, 4096))
            except OSError:
                break
        if 0 in ready:
            typed = os.read(0, 1024)
            if not typed:
                say("Cannot perform start session: EOF\n")
                child.kill()
                break
            while typed:
                typed = typed[os.write(master, typed):]
    child.wait()


main()
