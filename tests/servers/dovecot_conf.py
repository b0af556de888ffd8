"""The configuration that the tests give to Dovecot, in the syntax of 2.3 and, untried, of 2.4."""

from __future__ import annotations

import base64
import grp
import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot


class Ports(NamedTuple):
    """The ports that Dovecot serves."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int


def configuration(dovecot: Dovecot, ports: Ports) -> str:
    """The text of dovecot.conf for the Dovecot that is installed."""
    said = subprocess.run([str(dovecot.program), "--version"], check=True, capture_output=True, text=True).stdout
    version = tuple(int(part) for part in said.split()[0].split(".")[:2])
    head = _head(dovecot, version, said.split()[0])
    return head + _services(ports, tls=bool(dovecot.certificate)) + (_delivery(dovecot) if dovecot.relay_port else "")


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
auth_mechanisms = plain login{" xoauth2 oauthbearer" if dovecot.introspection_url else ""}
auth_username_chars =
mail_fsync = never
"""
    form = _form_2_4 if version >= (2, 4) else _form_2_3
    return (f"dovecot_config_version = {full_version}\n" if version >= (2, 4) else "") + common + form(dovecot, user, group)


_OAUTH2_2_3 = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2
}}
"""

_OAUTH2_2_4 = """
oauth2 {{
  introspection_mode = post
  introspection_url = {url}
  username_attribute = username
  active_attribute = active
  active_value = true
  force_introspection = yes
}}
"""


def oauth2_database(dovecot: Dovecot) -> str:
    """The file that says where Dovecot asks whose a token is; 2.4 has these lines in its own configuration."""
    return f"""
introspection_mode = post
introspection_url = {dovecot.introspection_url}
username_attribute = username
active_attribute = active
active_value = true
force_introspection = yes
"""


def _form_2_3(dovecot: Dovecot, user: str, group: str) -> str:
    text = f"""
protocols = imap pop3{" lmtp" if dovecot.relay_port else ""}
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
auth_failure_delay = 0
passdb {{
  driver = static
  mechanisms = plain login
  args = password={_encoded(dovecot.password)}
}}
{_OAUTH2_2_3.format(folder=dovecot.folder) if dovecot.introspection_url else ""}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dovecot.folder}/mail/%u allow_all_users=yes
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
  pop3 = yes
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
{_OAUTH2_2_4.format(url=dovecot.introspection_url) if dovecot.introspection_url else ""}
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


def _services(ports: Ports, *, tls: bool) -> str:
    return f"""
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {ports.imaps if tls else 0}
    ssl = {"yes" if tls else "no"}
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = {ports.pop3s if tls else 0}
    ssl = {"yes" if tls else "no"}
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
