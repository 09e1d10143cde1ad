import sys
from typing import Any

from django.core.management.base import BaseCommand

from billing.checking import ledger_check


class Command(BaseCommand):
    help = "Recomputes every invariant of the ledger; exits 0 when all hold, 1 otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        report = ledger_check()
        for finding in report.findings:
            self.stderr.write(self.style.ERROR(finding))
        self.stdout.write(
            f"{report.transfers} transfers, {report.requests} requests: "
            + (f"{len(report.findings)} findings" if report.findings else "every invariant holds")
        )
        if report.findings:
            sys.exit(1)
