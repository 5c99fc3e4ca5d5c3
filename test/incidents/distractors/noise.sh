#!/bin/bash
# Failed logins, warnings of daemons that nobody waits for, a scan of the site: all the time, as on any host.
program /usr/local/lib/noise <<'EOF'
#!/bin/bash
while :; do
  logger -p auth.info -t sshd "Failed password for invalid user admin from 203.0.113.$((RANDOM % 200)) port 4$((RANDOM % 9000)) ssh2"
  logger -p daemon.warning -t dnsmasq-dhcp 'no address range available for DHCP request via wlan0'
  logger -p daemon.err -t pulseaudio 'Failed to load module "module-alsa-card": initialization failed.'
  curl -s -o /dev/null "http://docs.example:8080/wp-login-$RANDOM.php"
  sleep 2
done
EOF
unit noise.service <<'EOF'
[Service]
ExecStart=/usr/local/lib/noise
EOF
systemctl start noise
