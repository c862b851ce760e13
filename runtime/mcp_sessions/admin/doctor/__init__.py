"""``diagnose``: whether a store, its server and the sessions in it are well."""

from mcp_sessions.admin.doctor.diagnose import diagnose
from mcp_sessions.admin.doctor.findings import Finding

__all__ = ["Finding", "diagnose"]
