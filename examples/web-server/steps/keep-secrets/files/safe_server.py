"""The server of the last step, with two rules added."""
import sys

import guard
import server


class Handler(server.Handler):
    def send_head(self):
        if guard.is_hidden(self.path):
            self.send_error(404)
            return None
        return super().send_head()

    def end_headers(self):
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()


if __name__ == "__main__":
    server.serve(Handler, int(sys.argv[1]) if len(sys.argv) > 1 else 8002)
