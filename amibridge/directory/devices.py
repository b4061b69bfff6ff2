"""From the name of a channel to its device."""

PORTS = frozenset({"DAHDI", "MISDN"})
"""Technologies whose devices are numbered ports: port 12 is not extension 12."""


def canonical(device: str) -> str:
    """A device as it is compared: the technology's case does not matter, the name's does."""
    technology, slash, name = device.partition("/")
    return technology.upper() + slash + name


def device_of(channel: str) -> str:
    """The device of a channel, in canonical form: ``PJSIP/134`` for ``PJSIP/134-0000002a``.

    It is what stands between ``/`` and the last ``-``: names may hold ``-`` and ``@`` themselves.
    A DAHDI ISDN channel carries the number too (``DAHDI/i1/79031234567-a``): it is cut after the span.
    """
    technology, _, rest = channel.partition("/")
    technology = technology.upper()
    name = rest.rpartition("-")[0] or rest
    if technology == "DAHDI":
        name = name.partition("/")[0]
    return f"{technology}/{name}"
