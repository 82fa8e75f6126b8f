# What systemd is to a socket unit: holds listening sockets, and starts the service anew whenever it has ended, with the
# sockets as descriptors from 3 on. Usage: socket-holder.py PORT[,PORT…] COMMAND…; TERM ends the service and then this.
import os
import signal
import socket
import sys

ports, command = sys.argv[1].split(","), sys.argv[2:]
sockets = []
for port in ports:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(1024)
    sockets.append(listener)
ending = False
service = 0


def end(_signal, _frame):
    global ending
    ending = True
    if service:
        os.kill(service, signal.SIGTERM)


signal.signal(signal.SIGTERM, end)
while not ending:
    service = os.fork()
    if service == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Out of the way first: the sockets may be where the others belong.
        for at, copy in enumerate([os.dup(listener.fileno()) for listener in sockets]):
            os.dup2(os.dup(copy), 100 + at)
        for at in range(len(sockets)):
            os.dup2(100 + at, 3 + at)
        environment = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets))}
        os.execvpe(command[0], command, environment)
    os.waitpid(service, 0)
