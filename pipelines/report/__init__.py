"""`report.html`: is my data good? Numbers, a verdict, pictures and sound."""
