#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: fpm.sh FILE     php-fpm whose every page is the PHP file, and nginx before it as its child
set -eu
cat >"$SCRATCH/fpm.conf" <<END
[global]
error_log = $SCRATCH/fpm.log
daemonize = no
[www]
user = root
group = root
listen = $SCRATCH/fpm.sock
pm = static
pm.max_children = 4
clear_env = no
END
cat >"$SCRATCH/nginx.conf" <<END
daemon off;
user root;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path temp_body;
	proxy_temp_path temp_proxy;
	fastcgi_temp_path temp_fastcgi;
	uwsgi_temp_path temp_uwsgi;
	scgi_temp_path temp_scgi;
	server {
		listen 127.0.0.1:$PORT;
		location / {
			include /etc/nginx/fastcgi_params;
			fastcgi_param SCRIPT_FILENAME $1;
			fastcgi_pass unix:$SCRATCH/fpm.sock;
		}
	}
}
END
(
	for _ in $(seq 200); do [ -S "$SCRATCH/fpm.sock" ] && break; sleep 0.05; done
	exec nginx -p "$SCRATCH" -c nginx.conf -e stderr
) &
exec "$(ls /usr/sbin/php-fpm* | head -n 1)" -F -R -y "$SCRATCH/fpm.conf"
