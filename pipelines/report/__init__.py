"""`report.html`: is my data good? Numbers, a verdict, pictures and sound."""

from typing import Final

REPORT_NAME: Final = "report.html"
NUMBERS_NAME: Final = "report.json"
