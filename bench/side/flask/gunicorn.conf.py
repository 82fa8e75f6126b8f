"""One single-worker server of the articles' stack: gunicorn with gevent-websocket, on a free port; prints the ready line."""
import json

bind = "127.0.0.1:0"
workers = 1
worker_class = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
accesslog = None
loglevel = "warning"


def post_worker_init(worker):
    host, port = worker.sockets[0].getsockname()
    print(json.dumps({"event": "ready", "url": f"http://{host}:{port}"}), flush=True)
