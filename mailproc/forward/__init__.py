"""Mail that goes on: mailing lists, aliases and tunnels. What a resolver's author imports."""

from typing import TYPE_CHECKING

__all__ = ["Group", "InvalidRecipient", "Resolver", "Tunnel"]

if TYPE_CHECKING:
    from mailproc.forward.resolver import Group, InvalidRecipient, Resolver
    from mailproc.forward.tunnel.handler import Tunnel
else:
    _WHERE = {"Group": "resolver", "InvalidRecipient": "resolver", "Resolver": "resolver", "Tunnel": "tunnel.handler"}

    def __getattr__(name: str) -> object:
        """Import what is asked for: this package is imported wherever its migrations are looked up."""
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found: object = getattr(import_module(f"mailproc.forward.{_WHERE[name]}"), name)
        globals()[name] = found
        return found
