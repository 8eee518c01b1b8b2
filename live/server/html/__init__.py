"""Parts of pages as HTML: fields of forms, tables, pictures, coverage in words."""
