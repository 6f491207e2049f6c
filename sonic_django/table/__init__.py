"""SQL: rows in and out, the table's DDL, and the uniques. Payloads are opaque bytes here."""
