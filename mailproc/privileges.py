"""Becoming another user for good, after the ports below 1024 are bound."""

from __future__ import annotations

import os
import pwd

from mailproc.errors import SettingsError


def user_named(name: str) -> pwd.struct_passwd:
    """The user of this name on this machine; raises `SettingsError`."""
    try:
        return pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise SettingsError(f"serve.user: there is no user {name!a} on this machine; create it, or name another one") from None


def drop_rights(name: str | None, *, stay: bool) -> None:
    """Become the user of this name, unless we ``stay`` who we are.

    Root without a name is refused by `SettingsError`.
    """
    if stay:
        return
    if name is not None:
        become(user_named(name))
    elif os.geteuid() == 0:
        raise SettingsError("serve.user: root must not take in mail from a network; say whom to become, or type: --nosetuid")


def become(user: pwd.struct_passwd) -> None:
    """Become ``user``, with its groups and no others, and with no way back; does nothing where we are that user already.

    Raises `SettingsError` when we are neither that user nor root.
    """
    if os.getuid() == os.geteuid() == user.pw_uid and user.pw_uid != 0:
        return
    try:
        # The groups first: whoever is no longer root may not change them, and root's would stay.
        os.initgroups(user.pw_name, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except PermissionError:
        raise SettingsError(f"only root can become {user.pw_name}; start as root or as {user.pw_name}") from None
    os.environ["HOME"] = user.pw_dir  # gpg and others look there
    os.environ["USER"] = os.environ["LOGNAME"] = user.pw_name
