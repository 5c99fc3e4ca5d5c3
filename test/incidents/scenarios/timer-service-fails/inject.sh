#!/bin/bash
keep /usr/local/bin/shop-report
printf '#!/bin/sh\necho "shop-report: division by zero" >&2\nexit 2\n' >/usr/local/bin/shop-report
systemctl start shop-report 2>/dev/null || true
soon failed shop-report
