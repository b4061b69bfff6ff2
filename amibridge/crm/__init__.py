"""The CRMs: one module for each, behind the one interface of `crm.interface`."""
