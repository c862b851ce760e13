"""``diagnose``: whether a store, its server and the sessions in it are well."""

from mcp_sessions.admin.doctor.diagnose import diagnose
from mcp_sessions.admin.doctor.findings import CHECKS, Finding

__all__ = ["CHECKS", "Finding", "diagnose"]
