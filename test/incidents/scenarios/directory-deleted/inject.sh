#!/bin/bash
release() {
  rm -rf /srv/lookbook/current
  mkdir -p /srv/lookbook/current
  echo "<h1>$1</h1>" >/srv/lookbook/current/index.html
}
release Spring
program /srv/lookbook/serve.py <<'EOF'
#!/usr/bin/python3
from http.server import BaseHTTPRequestHandler, HTTPServer
class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        try: code, page = 200, open('index.html', 'rb').read()
        except OSError as error: code, page = 500, str(error).encode()
        self.send_response(code)
        self.end_headers()
        self.wfile.write(page)
HTTPServer(('127.0.0.1', 9700), Pages).serve_forever()
EOF
unit lookbook.service <<'EOF'
[Service]
WorkingDirectory=/srv/lookbook/current
ExecStart=/srv/lookbook/serve.py
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now lookbook
soon status http://127.0.0.1:9700/ 200
release Autumn
soon status http://127.0.0.1:9700/ 500
