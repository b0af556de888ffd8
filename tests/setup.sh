#!/usr/bin/env bash
# Installs the programs that the tests start as real servers, where they are missing; says which if it may not.
set -euo pipefail

missing=()

# need PACKAGE FILE...: the package is there when one of the files is.
need() {
    local package=$1 file
    shift
    for file in "$@"; do
        [ -x "$file" ] && return
    done
    missing+=("$package")
}

need dovecot-imapd /usr/lib/dovecot/imap /usr/libexec/dovecot/imap
need dovecot-lmtpd /usr/lib/dovecot/lmtp /usr/libexec/dovecot/lmtp
need dovecot-pop3d /usr/lib/dovecot/pop3 /usr/libexec/dovecot/pop3
need dovecot-sieve "$(command -v sievec || true)"
need gnupg "$(command -v gpg || true)"
need openssl "$(command -v openssl || true)"
need postfix /usr/sbin/postfix
need postgresql /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"
need procps "$(command -v ps || true)"
compgen -G "/usr/lib*/*/sasl2/libplain.so" >/dev/null || missing+=(libsasl2-modules) # with which Postfix logs in

[ ${#missing[@]} -eq 0 ] && exit

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "the tests start real servers; install first: ${missing[*]}" >&2
    echo "Debian and Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing with apt-get: ${missing[*]}"
# --no-remove: a mail server that is there must not make room for Postfix.
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-remove --no-install-recommends "${missing[@]}" </dev/null >/dev/null
