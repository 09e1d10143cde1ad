import sys
from typing import Any

from django.core.management.base import BaseCommand

from billing.check_runs import check_run


class Command(BaseCommand):
    help = "Recomputes every invariant of the ledger and remembers the result; exits 0 when all hold, 1 otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_run()
        for finding in report.findings:
            self.stderr.write(self.style.ERROR(finding))
        self.stdout.write(
            f"{report.transfers} transfers, {report.requests} requests: "
            + (f"{len(report.findings)} findings" if report.findings else "every invariant holds")
        )
        if report.findings:
            sys.exit(1)
