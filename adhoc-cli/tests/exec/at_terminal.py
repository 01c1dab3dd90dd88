"""Runs a program at a terminal of 40 rows and 101 columns, types what it is told to, and passes on output and exit code.

Arguments: the number of pairs; pairs of what to wait for and what then to type; the program and its arguments.
"""

import fcntl
import os
import pty
import sys
import termios

count = int(sys.argv[1])
words = [word.encode().decode("unicode_escape").encode() for word in sys.argv[2 : 2 + 2 * count]]
steps = list(zip(words[::2], words[1::2]))
program = sys.argv[2 + 2 * count :]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, (40).to_bytes(2, "little") + (101).to_bytes(2, "little") + b"\0" * 4)
    watched = 'before=$(stty -g); "$@"; code=$?; [ "$before" = "$(stty -g)" ] && echo the terminal is as it was; exit $code'
    os.execvp("sh", ["sh", "-c", watched, "sh", *program])
seen = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    os.write(1, piece)
    seen += piece
    while steps and steps[0][0] in seen:
        seen = seen.split(steps[0][0], 1)[1]
        os.write(terminal, steps.pop(0)[1])
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
