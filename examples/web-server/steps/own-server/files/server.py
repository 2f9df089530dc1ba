"""Serves the folder site, the answers of routes.py, and a page for lost visitors."""
import http.server
import pathlib
import sys

import routes

SITE = pathlib.Path("/workspace/site")


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, directory=str(SITE), **kwargs)

    def do_GET(self):
        if self.path in routes.ROUTES:
            self.reply(200, "text/plain; charset=utf-8", routes.ROUTES[self.path]().encode())
        else:
            super().do_GET()

    def send_error(self, code, message=None, explain=None):
        page = SITE / "404.html"
        if code == 404 and page.exists():
            self.reply(404, "text/html; charset=utf-8", page.read_bytes())
        else:
            super().send_error(code, message, explain)

    def reply(self, code, kind, body):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve(handler, port):
    print(f"serving on port {port}", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


if __name__ == "__main__":
    serve(Handler, int(sys.argv[1]) if len(sys.argv) > 1 else 8001)
