#!/bin/bash
# After an undo.sh: fails unless the host is as well as before; then it forgets what its logs say of the scenario.
well() {
  systemctl is-active -q nginx shop orders mailer postgresql@15-main redis-server cron ssh shop-report.timer srv-uploads.mount &&
    status https://shop.example/ 200 && status https://shop.example/orders/health 200 &&
    status http://127.0.0.1:3000/health 200 && status http://docs.example:8080/ 200 &&
    [ -z "$(systemctl list-units --failed --no-legend --plain)" ] && getent hosts payments.example
}
soon well || {
  systemctl list-units --failed --no-legend --plain >&2
  exit 1
}
systemctl reset-failed # also how often each was started lately
journalctl -q --rotate --vacuum-size=1
for log in /var/log/nginx/*.log /var/log/postgresql/*.log /var/log/redis/*.log; do : >"$log"; done
