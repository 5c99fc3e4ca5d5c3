#!/bin/bash
program /srv/catalogue-bin/catalogue <<'EOF'
#!/bin/bash
cat /srv/catalogue/index >/dev/null || exit 1
exec sleep infinity
EOF
unit srv-catalogue.mount <<'EOF'
[Mount]
What=catalogue
Where=/srv/catalogue
Type=tmpfs
Options=size=4M
[Install]
WantedBy=multi-user.target
EOF
unit catalogue.service <<'EOF'
[Service]
ExecStart=/srv/catalogue-bin/catalogue
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q srv-catalogue.mount catalogue
systemctl start catalogue
soon failed catalogue
systemctl start srv-catalogue.mount
echo items >/srv/catalogue/index
