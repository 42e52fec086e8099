from .audits import audit as audit
from .finding import Finding as Finding
from .report import AuditReport as AuditReport
