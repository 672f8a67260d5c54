"""The AWS CLI in a process that has imported it: each command is a fork of that, and starts at once.

``python warm_aws.py SOCKET`` serves; ``python -IS warm_aws.py SOCKET WORDS`` is a command.
"""

import json
import os
import socket
import sys
import traceback

_HEADER = 16


def serve(path: str) -> None:
    """Runs commands, one after the other, until standard input ends."""
    import threading

    import awscli.clidriver  # type: ignore[import-untyped]

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        os.write(1, b"ready\n")
        threading.Thread(target=_end_with_parent, daemon=True).start()
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _command(connection, awscli.clidriver.main)
            connection.close()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _command(connection: socket.socket, main: object) -> None:
    """In a child: the command with the streams, folder and environment of its caller."""
    head, fds, _, _ = socket.recv_fds(connection, _HEADER, 3)
    text = b""
    while len(text) < int(head):
        text += connection.recv(65536)
    asked = json.loads(text)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.chdir(asked["folder"])
    data = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}  # awscli sets it when it is imported
    os.environ.clear()
    os.environ.update({**asked["environment"], **data})
    sys.argv = ["aws", *asked["words"]]
    code = 255
    try:
        code = main()  # type: ignore[operator]
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception:  # noqa: BLE001 - as an interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(0)


def command(path: str, words: list[str]) -> int:
    """Has the server run it; its exit code."""
    asked = {"folder": os.getcwd(), "environment": dict(os.environ), "words": words}
    text = json.dumps(asked).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [f"{len(text):<{_HEADER}}".encode()], [0, 1, 2])
        connection.sendall(text)
        return int(connection.recv(16) or 255)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    sys.exit(command(sys.argv[1], sys.argv[2:]))
