"""Behaves like AWS's session-manager-plugin, as far as its caller can tell: arguments, environment, output and port.

FAKE_FOLDER gets `argv` (a line of JSON for each call) and `pid`; FAKE_VERSION is what it says it is; FAKE_FAILURE is what it
says instead of opening a port.
"""

import json
import os
import socket
import sys
import threading

folder = os.environ["FAKE_FOLDER"]
with open(os.path.join(folder, "argv"), "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\n")
if sys.argv[1:] == ["--version"]:
    print(os.environ.get("FAKE_VERSION", "1.2.650.0"))
    sys.exit(0)
with open(os.path.join(folder, "pid"), "w") as file:
    file.write(str(os.getpid()))

variable, region, operation, profile, request, endpoint = sys.argv[1:]
assert variable == "AWS_SSM_START_SESSION_RESPONSE" and operation == "StartSession", sys.argv
response = json.loads(os.environ[variable])
request = json.loads(request)
assert request["DocumentName"] == "AWS-StartPortForwardingSessionToRemoteHost", request
assert request["Target"] and response["StreamUrl"].startswith("wss://"), (request, response)
print(f"\nStarting session with SessionId: {response['SessionId']}", flush=True)
failure = os.environ.get("FAKE_FAILURE")
if failure or response["TokenValue"] != "the token":
    print(f"\n{failure or 'invalid token'}\n", flush=True)
    sys.exit(1)

parameters = request["Parameters"]
remote = (parameters["host"][0], int(parameters["portNumber"][0]))
listener = socket.create_server(("127.0.0.1", int(parameters["localPortNumber"][0])))
print(f"Port {listener.getsockname()[1]} opened for sessionId {response['SessionId']}.", flush=True)
print("Waiting for connections...", flush=True)


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client):
    try:
        server = socket.create_connection(remote)
    except OSError:
        print("Connection to destination port failed, check SSM Agent logs.", flush=True)
        client.close()
        return
    print(f"\nConnection accepted for session [{response['SessionId']}]", flush=True)
    back = threading.Thread(target=copy, args=(server, client), daemon=True)
    back.start()
    copy(client, server)
    back.join()
    client.close()
    server.close()


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
