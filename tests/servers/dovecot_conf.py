"""The configuration that the tests give to Dovecot, in the syntax of 2.3 and, untried, of 2.4."""

from __future__ import annotations

import base64
import grp
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot


def configuration(dovecot: Dovecot, port: int, tls_port: int) -> str:
    """The text of dovecot.conf for the Dovecot that is installed."""
    said = subprocess.run([str(dovecot.program), "--version"], check=True, capture_output=True, text=True).stdout
    version = tuple(int(part) for part in said.split()[0].split(".")[:2])
    head = _head(dovecot, version, said.split()[0])
    return head + _services(port, tls_port if dovecot.certificate else 0) + (_delivery(dovecot) if dovecot.relay_port else "")


def _group() -> str:
    return "nogroup" if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name


def _head(dovecot: Dovecot, version: tuple[int, ...], full_version: str) -> str:
    folder, user, group = dovecot.folder, dovecot.user, _group()
    common = f"""
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
listen = 127.0.0.1
login_greeting = {dovecot.token}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
auth_mechanisms = plain login
auth_username_chars =
mail_fsync = never
"""
    form = _form_2_4 if version >= (2, 4) else _form_2_3
    return (f"dovecot_config_version = {full_version}\n" if version >= (2, 4) else "") + common + form(dovecot, user, group)


def _form_2_3(dovecot: Dovecot, user: str, group: str) -> str:
    text = f"""
protocols = {"imap lmtp" if dovecot.relay_port else "imap"}
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={_encoded(dovecot.password)}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dovecot.folder}/mail/%u
}}
"""
    if dovecot.capability:
        text += f"imap_capability = {dovecot.capability}\n"
    if not dovecot.certificate:
        return text + "ssl = no\n"
    certificate, key = (dovecot.folder / path.name for path in (dovecot.certificate.certificate, dovecot.certificate.key))
    return text + f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}\n"


def _form_2_4(dovecot: Dovecot, user: str, group: str) -> str:
    text = f"""
dovecot_storage_version = 2.4.0
protocols {{
  imap = yes
  lmtp = {"yes" if dovecot.relay_port else "no"}
}}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
mail_max_userip_connections = 0
auth_failure_delay = 0
passdb static {{
  password = {_encoded(dovecot.password)}
}}
userdb static {{
  fields {{
    uid = {user}
    gid = {group}
    home = {dovecot.folder}/mail/%{{user}}
  }}
}}
"""
    if dovecot.capability:
        text += "imap_capability {\n" + "".join(f"  {word} = yes\n" for word in dovecot.capability.split()) + "}\n"
    if not dovecot.certificate:
        return text + "ssl = no\n"
    certificate, key = (dovecot.folder / path.name for path in (dovecot.certificate.certificate, dovecot.certificate.key))
    return text + f"ssl = yes\nssl_server_cert_file = {certificate}\nssl_server_key_file = {key}\n"


def _encoded(password: str) -> str:
    return "{PLAIN.b64}" + base64.b64encode(password.encode()).decode()


def _services(port: int, tls_port: int) -> str:
    return f"""
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = {"yes" if tls_port else "no"}
  }}
}}
service anvil {{
  chroot =
  # Without this socket a wrong password does not make the next logins wait.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
"""


def _delivery(dovecot: Dovecot) -> str:
    """LMTP in a socket, and Sieve (RFC 5228) behind it, whose answers go to the relay; in the syntax of 2.3 alone."""
    return f"""
service lmtp {{
  user = {dovecot.user}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
}}
hostname = mail.example.com
postmaster_address = postmaster@example.com
submission_host = 127.0.0.1:{dovecot.relay_port}
"""
