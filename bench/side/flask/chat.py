"""The chat of the articles that Holdfast answers, as they write it: Flask-SocketIO with Redis as message queue."""
import os

from gevent import monkey

monkey.patch_all()

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(
    app,
    async_mode="gevent",
    message_queue=os.environ.get("BENCH_REDIS_URL"),
    cors_allowed_origins="*",
)


@socketio.on("send-message")
def send_message(payload):
    username = payload.get("username")
    message = {"sender": username and username.upper(), "text_message": payload.get("text_message")}
    socketio.emit("receive-message", message)
