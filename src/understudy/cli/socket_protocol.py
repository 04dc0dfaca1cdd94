"""WebSocket connections of uvicorn, with a refused handshake as an ordinary answer."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn logs an error for a handshake that the application has refused with a response of its own."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Leaves out pongs while the client does not read: they would fill the memory of the server."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()
