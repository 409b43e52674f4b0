#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: serve.sh FILE     nginx whose every page is what the Lua file answers
set -eu
cat >"$SCRATCH/nginx.conf" <<END
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log stderr warn;
env REDIS_PORT;
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
		location / { content_by_lua_file $1; }
	}
}
END
exec nginx -p "$SCRATCH" -c nginx.conf -e stderr
