"""Pure rules: values in, values out. No AWS, no tables, no clock."""
