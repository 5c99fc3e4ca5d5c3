#!/bin/bash
printf '# The deployment may restart the shop\nshop ALL=(root) NOPASSWD /usr/bin/systemctl restart shop\n' >/etc/sudoers.d/deployment
chmod 440 /etc/sudoers.d/deployment
not visudo -c &>/dev/null
not runuser -u shop -- sudo -n systemctl restart shop &>/dev/null
