#!/bin/bash
keep /etc/nginx/tls /etc/ssl/certs/ca-certificates.crt
dir=$(mktemp -d)
key() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }
# signed NAME BY EXTENSIONS: NAME.pem of NAME.request
signed() { openssl x509 -req -days 300 -in "$dir/$1.request" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -CAcreateserial -extfile <(printf '%b' "$3") -out "$dir/$1.pem" 2>/dev/null; }
key -x509 -days 900 -subj '/CN=Example Root' -keyout "$dir/root.key" -out "$dir/root.pem"
key -subj '/CN=Example Issuing 3' -keyout "$dir/issuing.key" -out "$dir/issuing.request"
signed issuing root 'basicConstraints=critical,CA:TRUE'
key -subj /CN=shop.example -keyout /etc/nginx/tls/shop.key -out "$dir/shop.request"
signed shop issuing 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:shop.example,DNS:www.shop.example'
cat "$dir/root.pem" >>/etc/ssl/certs/ca-certificates.crt
# Only its own certificate is served; the one of the authority that signed it stayed in the mail.
cp "$dir/shop.pem" /etc/nginx/tls/shop.pem
openssl verify -CAfile "$dir/root.pem" -untrusted "$dir/issuing.pem" "$dir/shop.pem" >/dev/null
rm -r "$dir"
systemctl restart nginx
soon status https://shop.example/ 200
not curl -sf https://shop.example/
