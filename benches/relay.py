"""A relay on loopback that passes every byte through and counts them."""

import socket
import threading


class Relay:
    """Listens on a port of its own and passes on to another."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.lock = threading.Lock()
        self.up = self.down = self.connections = self.open = 0
        self.idle = threading.Condition(self.lock)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """One pair of threads for each connection."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to_port))
            with self.lock:
                self.connections += 1
                self.open += 2
            for source, sink, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self.copy, args=(source, sink, way), daemon=True).start()

    def copy(self, source, sink, way):
        """One direction, until its end."""
        try:
            while data := source.recv(1 << 16):
                with self.lock:
                    setattr(self, way, getattr(self, way) + len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        finally:
            with self.lock:
                self.open -= 1
                self.idle.notify_all()

    def take(self):
        """The bytes since the last time, when every connection has ended: up, down, connections."""
        with self.lock:
            self.idle.wait_for(lambda: self.open == 0, timeout=30)
            counted = {"up": self.up, "down": self.down, "connections": self.connections}
            self.up = self.down = self.connections = 0
        return counted

    def close(self):
        """No more connections."""
        self.listener.close()
