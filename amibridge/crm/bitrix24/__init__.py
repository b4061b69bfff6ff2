"""Bitrix24 by its REST interface: cards and records of a telephony that is not the portal's own."""

from amibridge.crm.bitrix24.access import Application
from amibridge.crm.bitrix24.adapter import Bitrix24, Bitrix24Settings
from amibridge.crm.bitrix24.forms import Newcomer, Wishes
from amibridge.crm.bitrix24.owner import MissedOwner

__all__ = ["Application", "Bitrix24", "Bitrix24Settings", "MissedOwner", "Newcomer", "Wishes"]
